# package.py - Spack recipe; put it into a repository of your own:
#
#   spack repo create site && spack repo add site
#   mkdir -p site/packages/pilot_edge && cp package.py site/packages/pilot_edge
#   spack install pilot-edge +slurm ^openmpi schedulers=slurm

from spack.package import *


class PilotEdge(AutotoolsPackage):
    """Streaming machine learning from edge devices to MPI pools: Kafka
    carries, ranks learn, Redis keeps the model."""

    license("BSD-3-Clause")
    version("main", branch="main")

    variant("slurm", default=False, description="ask Slurm by its library")

    depends_on("c", type="build")
    depends_on("autoconf@2.69:", type="build")
    depends_on("automake", type="build")
    depends_on("libtool", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("mpi")
    depends_on("librdkafka@2.0:")
    depends_on("hiredis")
    depends_on("libyaml")
    depends_on("jansson")
    depends_on("openblas")
    depends_on("libmicrohttpd")
    depends_on("mosquitto")
    depends_on("libzmq")
    depends_on("curl@7.85:")
    depends_on("libssh2")
    depends_on("openssl")
    depends_on("cunit", type=("build", "test"))
    depends_on("slurm", when="+slurm")
    depends_on("redis", type="run")
    depends_on("java@17:", type="run")

    # Chart.js is no package of Spack: CHARTS_JS=/path/to/chart.min.js in the
    # place of --without-report has pages of runs.
    def configure_args(self):
        return self.with_or_without("slurm") + ["--without-report"]
