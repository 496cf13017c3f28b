/* page.js - draws what stands in #report: sections of words, pictures by
 * Chart.js, and under each picture a table of its numbers.  All text goes
 * through textContent: nothing of a run is ever taken for markup.
 */
(function () {
    "use strict";

    var doc = JSON.parse(document.getElementById("report").textContent);
    var charts = {};
    var dark = matchMedia("(prefers-color-scheme: dark)");
    var chosen = null; /* theme by the button; null: the system's */

    /* --- words and numbers --- */

    function el(tag, cls, text) {
        var e = document.createElement(tag);
        if (cls) e.className = cls;
        if (text !== undefined && text !== null) e.textContent = text;
        return e;
    }

    function known(x) {
        return typeof x === "number" && isFinite(x);
    }

    /* Three digits, and all of a whole number. */
    function num(x) {
        if (!known(x)) return "–";
        if (Number.isInteger(x)) return x.toLocaleString("en");
        var a = Math.abs(x);
        if (a >= 1000) return Math.round(x).toLocaleString("en");
        if (a >= 1e-3) return String(Number(x.toPrecision(3)));
        return x.toExponential(1);
    }

    function ms(x) {
        if (!known(x)) return "–";
        if (x >= 60000) return num(x / 60000) + " min";
        if (x >= 1000) return num(x / 1000) + " s";
        if (x >= 1) return num(x) + " ms";
        return x === 0 ? "0" : num(x * 1000) + " µs";
    }

    function bytes(x) {
        var units = ["B", "kB", "MB", "GB", "TB", "PB"], i = 0;
        if (!known(x)) return "–";
        while (x >= 1000 && i + 1 < units.length) {
            x /= 1000;
            i++;
        }
        return num(i ? Number(x.toPrecision(3)) : x) + " " + units[i];
    }

    function seconds(x) {
        if (!known(x)) return "–";
        if (x < 120) return num(Number(x.toPrecision(3))) + " s";
        if (x < 7200) return num(Number((x / 60).toPrecision(3))) + " min";
        return num(Number((x / 3600).toPrecision(3))) + " h";
    }

    function percent(x) {
        return known(x) ? num(Number((100 * x).toPrecision(3))) + "%" : "–";
    }

    function time(ns) {
        if (!known(ns) || ns <= 0) return "–";
        return new Date(ns / 1e6).toISOString().replace("T", " ")
            .replace(/(\.000)?Z$/, "");
    }

    function get(o, path) {
        path.split(".").forEach(function (k) {
            o = o === null || o === undefined ? undefined : o[k];
        });
        return o;
    }

    /* --- colours --- */

    function isDark() {
        return chosen === null ? dark.matches : chosen === "dark";
    }

    function colour(name) {
        var light = {
            blue: "#0b62a8", orange: "#b86e00", red: "#c23b22",
            green: "#00795a", sky: "#3f9fd6", purple: "#8a4fa3",
            idle: "#cfd4db", text: "#1b1f24", quiet: "#57606a",
            line: "#d8dce2"
        };
        var night = {
            blue: "#5aa9f0", orange: "#f0b13c", red: "#ff7d62",
            green: "#3fc79a", sky: "#9bd6f7", purple: "#cf9fe6",
            idle: "#454c57", text: "#e6e9ee", quiet: "#a2abb7",
            line: "#363c45"
        };
        return (isDark() ? night : light)[name];
    }

    var stateColours = {
        fetch: "sky", help: "green", kernel: "blue", reduce: "orange",
        commit: "red", idle: "idle", wait: "purple"
    };

    /* --- sections --- */

    var main = document.getElementById("main");
    var places = {}; /* name -> {box, opened: {title: bool}} */

    /* An empty section, in the place it had. */
    function section(name, title, cls) {
        var p = places[name];
        if (!p) {
            p = places[name] = {box: el("section", cls), open: {}};
            p.box.id = name;
            main.appendChild(p.box);
            var a = el("a", null, title);
            a.href = "#" + name;
            document.getElementById("nav").appendChild(a);
        }
        p.charts = {};
        p.box.querySelectorAll(".picture").forEach(function (c) {
            p.charts[c.dataset.chart] = c;
        });
        p.box.textContent = "";
        p.box.appendChild(el("h2", null, title));
        return p;
    }

    function words(p, text, cls) {
        if (text) p.box.appendChild(el("p", cls, text));
    }

    function lack(p, name) {
        words(p, get(doc, "report.lacks." + name), "lack");
    }

    /* [columns]: [title, is a word]; [rows]: arrays of text. */
    function table(columns, rows) {
        var t = el("table"), head = el("tr"), body = el("tbody");
        columns.forEach(function (c) {
            var th = el("th", c[1] ? "word" : null, c[0]);
            th.scope = "col";
            head.appendChild(th);
        });
        t.appendChild(el("thead")).appendChild(head);
        rows.forEach(function (r) {
            var tr = el("tr");
            r.forEach(function (v, i) {
                tr.appendChild(el("td", columns[i][1] ? "word" : null, v));
            });
            body.appendChild(tr);
        });
        t.appendChild(body);
        return t;
    }

    function scrolled(inner, label) {
        var box = el("div", "scroll");
        box.tabIndex = 0;
        box.setAttribute("role", "region");
        box.setAttribute("aria-label", label);
        box.appendChild(inner);
        return box;
    }

    function numbers(parent, p, title, columns, rows) {
        var d = el("details");
        d.appendChild(el("summary", null, title + ": the numbers"));
        d.appendChild(scrolled(table(columns, rows), title));
        d.open = !!p.open[title];
        d.addEventListener("toggle", function () {
            p.open[title] = d.open;
        });
        parent.appendChild(d);
    }

    /* --- pictures --- */

    function base(lines) {
        var quiet = colour("quiet");
        return {
            animation: false,
            responsive: true,
            maintainAspectRatio: false,
            normalized: true,
            interaction: {mode: "index", intersect: false},
            plugins: {
                legend: {
                    position: "bottom",
                    labels: {
                        color: colour("text"), boxWidth: 18,
                        usePointStyle: !!lines
                    }
                }
            },
            scales: {},
            color: quiet
        };
    }

    function axis(title, more) {
        return Object.assign({
            title: {display: !!title, text: title, color: colour("quiet")},
            ticks: {color: colour("quiet"), maxRotation: 0},
            grid: {color: colour("line")},
            border: {color: colour("line")}
        }, more || {});
    }

    function secondsAxis(to) {
        return axis("seconds since the start", {
            type: "linear", min: 0, max: to > 0 ? to : undefined
        });
    }

    function logAxis(title, format) {
        var a = axis(title, {type: "logarithmic"});
        a.ticks = {
            color: colour("quiet"),
            maxRotation: 0,
            callback: function (v) {
                var e = Math.log10(v);
                return Math.abs(e - Math.round(e)) < 1e-6 ? format(v) : "";
            }
        };
        return a;
    }

    /* Values by the arrow keys, as the pointer shows them. */
    function keys(canvas, name) {
        var at = -1;
        canvas.tabIndex = 0;
        canvas.addEventListener("keydown", function (event) {
            var c = charts[name], set, list = [], x = 0, y = 0;
            var step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
            if (!step || !c) return;
            event.preventDefault();
            set = c.data.datasets[0];
            at = Math.max(0, Math.min(set.data.length - 1, at + step));
            c.data.datasets.forEach(function (d, i) {
                var m = c.getDatasetMeta(i).data[at];
                if (!m || !c.isDatasetVisible(i)) return;
                list.push({datasetIndex: i, index: at});
                x = m.x;
                y = m.y;
            });
            c.setActiveElements(list);
            c.tooltip.setActiveElements(list, {x: x, y: y});
            c.update("none");
            document.getElementById("said").textContent =
                (c.tooltip.title || []).concat(
                    (c.tooltip.body || []).map(function (b) {
                        return b.lines.join(" ");
                    })).join(", ");
        });
    }

    function draw(parent, p, name, label, config, tall) {
        var box = p.charts[name], canvas;
        if (!box) {
            box = el("div", "picture" + (tall ? " tall" : ""));
            box.dataset.chart = name;
            canvas = el("canvas");
            canvas.setAttribute("role", "img");
            box.appendChild(canvas);
            keys(canvas, name);
        }
        canvas = box.firstChild;
        canvas.setAttribute("aria-label", label +
            "; arrow keys go from value to value, a table follows");
        parent.appendChild(box);
        if (charts[name]) {
            charts[name].data = config.data;
            charts[name].options = config.options;
            charts[name].update("none");
        } else {
            charts[name] = new Chart(canvas, config);
        }
    }

    function line(label, name, points, more) {
        return Object.assign({
            label: label,
            data: points,
            borderColor: colour(name),
            backgroundColor: colour(name),
            borderWidth: 2,
            pointRadius: points.length > 60 ? 0 : 2,
            pointHitRadius: 8,
            pointStyle: "line",
            spanGaps: false
        }, more || {});
    }

    /* The middle of step [i], in seconds since the origin of all curves. */
    function stepAt(s, i) {
        return Number(((s.from_s || 0) + (i + 0.5) * s.step_s).toPrecision(9));
    }

    function points(s, values, least) {
        return (values || []).map(function (v, i) {
            return {
                x: stepAt(s, i),
                y: known(v) && v >= least ? v : null
            };
        });
    }

    /* [n] of step [i] a second; of a step that was cut it is the part of the
     * time that counts, and less than half of one is no measurement.
     */
    function rate(s, values, i) {
        var part = 1;
        if (!values || !known(values[i])) return NaN;
        if (i === 0 && known(s.first_part)) part = s.first_part;
        if (i === values.length - 1 && known(s.last_part))
            part = values.length > 1 ? s.last_part :
                s.first_part + s.last_part - 1;
        return part < 0.5 ? NaN : values[i] / (part * s.step_s);
    }

    /* Where all curves end, so that pictures lie below each other. */
    function lastAt() {
        var s = doc.report.series, r = doc.report.ranks, to = 0;
        if (s) to = (s.from_s || 0) + s.blocks.length * s.step_s;
        if (r && r.rows.length)
            to = Math.max(to, (r.from_s || 0) +
                r.rows[0].share[0].length * r.step_s);
        return to;
    }

    function at(x) {
        return num(Number(x.toPrecision(4))) + " s";
    }

    /* --- what there is to tell --- */

    function header() {
        var state = document.getElementById("state");
        var good = {done: "good", running: "good", flowing: "good",
            failed: "bad", "cut off": "bad"};
        var r = doc.report;
        state.textContent = doc.state;
        state.className = "state " + (good[doc.state] || "warn");
        document.getElementById("about").textContent =
            "Pipeline " + (doc.pipeline || "?") +
            (r.began_ns ? ", began " + time(r.began_ns) + " UTC" : "") +
            "; this page is of " + r.made + ", by " + r.by + ".";
    }

    function verdict() {
        var p = section("verdict", "Verdict", "verdict");
        words(p, get(doc, "verdict.text"), "first");
        lack(p, "verdict");
        (doc.report.arithmetic || []).forEach(function (a) {
            words(p, a, "quiet");
        });
        (doc.errors || []).forEach(function (e) {
            words(p, e, "error");
        });
        (doc.report.notes || []).forEach(function (n) {
            words(p, n, "lack");
        });
    }

    function tile(list, name, value, small) {
        var box = el("div"), dd = el("dd", null, value);
        if (value === undefined || value === null || value === "–") return;
        if (small) dd.appendChild(el("small", null, " " + small));
        box.appendChild(el("dt", null, name));
        box.appendChild(dd);
        list.appendChild(box);
    }

    // "6 J per million points, by slurm: pool 900 J, devices 12 J"
    function energyWords(e) {
        var each = Object.keys(e.pilots || {}).slice(0, 6).map(function (k) {
            return k + " " + num(e.pilots[k]) + " J";
        });
        return (known(e.joules_per_million_points) ?
            num(e.joules_per_million_points) + " J per million points, " : "") +
            "by " + e.source + (each.length ? ": " + each.join(", ") : "");
    }

    function figures() {
        var p = section("figures", "In short");
        var dl = el("dl", "tiles"), b = doc.blocks || {};
        var rate = doc.rate || {}, m = doc.model || {};
        var total = get(doc, "latency_ms.total") || {};
        var hours = doc.report.core_hours_per_million;
        tile(dl, "Blocks learned from", num(b.applied),
            b.sent >= b.applied ? "of " + num(b.sent) + " sent" : "");
        tile(dl, "Rate", num(rate.blocks_per_s), "blocks/s");
        tile(dl, "Bytes", bytes(doc.bytes),
            known(rate.mb_per_s) ? num(rate.mb_per_s) + " MB/s" : "");
        tile(dl, "Points", num(doc.points),
            known(rate.points_per_s) ? num(rate.points_per_s) + "/s" : "");
        tile(dl, "Outliers", num(m.outliers),
            doc.points && known(m.outliers) ?
                percent(m.outliers / doc.points) + " of the points" : "");
        if (known(get(doc, "energy.joules")))
            tile(dl, "Energy", num(get(doc, "energy.joules")) + " J",
                energyWords(get(doc, "energy")));
        else if (known(get(doc, "energy.why")))
            tile(dl, "Energy", "not measured", get(doc, "energy.why"));
        if (total.n)
            tile(dl, "Sensor to commit", ms(total.p50),
                "half; 99%: " + ms(total.p99));
        tile(dl, "Model", m.kind, known(m.version) ? "v" + m.version : "");
        tile(dl, "Refused", num(b.refused), "blocks");
        tile(dl, "Took", seconds(doc.seconds));
        tile(dl, "Exactly once", doc.exactly_once);
        if (known(hours))
            tile(dl, "Core hours per million points", num(hours));
        p.box.appendChild(dl);
        lack(p, "figures");
    }

    function throughput() {
        var p = section("throughput", "Throughput over time");
        var s = doc.report.series, o = base(true), to;
        lack(p, "series");
        if (!s) return;
        to = lastAt();
        words(p, "Blocks that were " + s.counted + ", a second, in steps of " +
            seconds(s.step_s) + "; " + s.from + ".", "quiet");
        o.scales = {
            x: secondsAxis(to),
            y: axis("blocks/s", {beginAtZero: true})
        };
        o.plugins.legend.display = false;
        o.plugins.tooltip = {callbacks: {
            title: function (t) { return at(t[0].parsed.x); },
            label: function (t) {
                var mb = rate(s, s.bytes, t.dataIndex);
                return num(t.parsed.y) + " blocks/s" +
                    (known(mb) ? ", " + bytes(mb) + "/s" : "");
            }
        }};
        draw(p.box, p, "throughput", "Line of blocks a second over time", {
            type: "line",
            data: {datasets: [line("blocks/s", "blue",
                points(s, s.blocks.map(function (n, i) {
                    return rate(s, s.blocks, i);
                }), 0), {fill: "origin", backgroundColor: "transparent"})]},
            options: o
        });
        numbers(p.box, p, "Throughput", [["seconds"], ["blocks/s"],
            ["points/s"], ["bytes/s"]],
        s.blocks.map(function (n, i) {
            return [at(stepAt(s, i)), num(rate(s, s.blocks, i)),
                num(rate(s, s.points, i)), bytes(rate(s, s.bytes, i))];
        }));
    }

    function latency() {
        var p = section("latency", "Latency over time");
        var s = doc.report.series, o = base(true);
        lack(p, "latency");
        if (!s || !s.p50_ms) return;
        words(p, s.latency_of + ", of the blocks of each step.", "quiet");
        o.scales = {
            x: secondsAxis(lastAt()),
            y: logAxis("latency, logarithmic", ms)
        };
        o.plugins.tooltip = {callbacks: {
            title: function (t) { return at(t[0].parsed.x); },
            label: function (t) {
                return t.dataset.label + " " + ms(t.parsed.y);
            }
        }};
        draw(p.box, p, "latency", "Lines of latency over time: half of the " +
            "blocks, 90% and 99% were faster", {
            type: "line",
            data: {datasets: [
                line("p99", "red", points(s, s.p99_ms, 1e-6),
                    {borderDash: [2, 3]}),
                line("p90", "orange", points(s, s.p90_ms, 1e-6),
                    {borderDash: [7, 3]}),
                line("p50", "blue", points(s, s.p50_ms, 1e-6))
            ]},
            options: o
        });
        numbers(p.box, p, "Latency", [["seconds"], ["p50"], ["p90"], ["p99"]],
            s.p50_ms.map(function (v, i) {
                return [at(stepAt(s, i)), ms(v), ms(s.p90_ms[i]),
                    ms(s.p99_ms[i])];
            }));
    }

    function hops() {
        var p = section("hops", "Latency by hop"), o = base();
        var list = doc.report.hops || [];
        var some = list.filter(function (h) { return h.n > 0; });
        words(p, doc.report.hops_from, "quiet");
        lack(p, "hops");
        if (!some.length) return;
        o.indexAxis = "y";
        o.scales = {
            x: logAxis("latency, logarithmic", ms),
            y: axis("", {type: "category"})
        };
        o.interaction = {mode: "index", axis: "y", intersect: false};
        o.plugins.tooltip = {callbacks: {
            label: function (t) {
                return t.dataset.label + " " + ms(t.parsed.x);
            }
        }};
        draw(p.box, p, "hops", "Bars of latency by hop: p50, p90 and p99", {
            type: "bar",
            data: {
                labels: some.map(function (h) { return h.hop; }),
                datasets: [["p50", "blue"], ["p90", "orange"], ["p99", "red"]]
                    .map(function (q) {
                        return {
                            label: q[0],
                            backgroundColor: colour(q[1]),
                            data: some.map(function (h) {
                                return Math.max(h[q[0] + "_ms"], 1e-6);
                            })
                        };
                    })
            },
            options: o
        }, true);
        numbers(p.box, p, "Hops", [["hop", true], ["what it is", true],
            ["blocks"], ["p50"], ["p90"], ["p99"], ["max"],
            ["below 0 (clocks)"]],
        list.map(function (h) {
            var none = !h.n;
            return [h.hop, h.words, num(h.n), none ? "–" : ms(h.p50_ms),
                none ? "–" : ms(h.p90_ms), none ? "–" : ms(h.p99_ms),
                none ? "–" : ms(h.max_ms), num(h.negative)];
        }));
    }

    /* A row a rank, and in it a column a step, stacked by what it did. */
    function ranks() {
        var p = section("ranks", "Ranks over time"), o = base();
        var r = doc.report.ranks, to, sets;
        lack(p, "ranks");
        if (!r) return;
        words(p, r.words, "quiet");
        if (r.rows.length) {
            to = lastAt();
            sets = r.states.map(function (name, k) {
                var data = [];
                r.rows.forEach(function (row, y) {
                    row.share[k].forEach(function (part, i) {
                        var low = 0, j;
                        for (j = 0; j < k; j++) low += row.share[j][i];
                        if (part > 0.002)
                            data.push({
                                x: stepAt(r, i),
                                y: [y + 0.92 - 0.84 * low,
                                    y + 0.92 - 0.84 * (low + part)],
                                row: row.name, part: part
                            });
                    });
                });
                return {
                    label: name, data: data, grouped: false,
                    backgroundColor: colour(stateColours[name] || "purple"),
                    barPercentage: 1, categoryPercentage: 1,
                    borderWidth: 0, inflateAmount: 0.3
                };
            });
            o.interaction = {mode: "point", intersect: true};
            o.scales = {
                x: secondsAxis(to),
                y: axis("", {
                    type: "linear", min: 0, max: r.rows.length, reverse: true,
                    grid: {display: false},
                    afterBuildTicks: function (a) {
                        a.ticks = r.rows.map(function (row, i) {
                            return {value: i + 0.5};
                        });
                    },
                    ticks: {
                        color: colour("quiet"), autoSkip: false,
                        callback: function (v) {
                            var row = r.rows[Math.floor(v)];
                            return row ? row.name : "";
                        }
                    }
                })
            };
            o.scales.x.offset = false;
            o.scales.x.grid = {offset: false, color: colour("line")};
            o.plugins.tooltip = {callbacks: {
                title: function (t) {
                    return t[0].raw.row + ", " + at(t[0].raw.x);
                },
                label: function (t) {
                    return t.dataset.label + " " + percent(t.raw.part);
                }
            }};
            draw(p.box, p, "ranks", "What each rank did over time: shares of " +
                r.states.join(", "), {
                type: "bar", data: {datasets: sets}, options: o
            }, r.rows.length > 6);
        }
        numbers(p.box, p, "Ranks", [["rank", true], ["host", true]].concat(
            r.states.map(function (s) { return [s]; }), [["all"]]),
        r.totals.map(function (t) {
            var sum = t.seconds.reduce(function (a, b) { return a + b; }, 0);
            return [t.name, t.host || "–"].concat(t.seconds.map(function (s) {
                return seconds(s) + (sum > 0 ? " (" + percent(s / sum) + ")" :
                    "");
            }), [seconds(sum)]);
        }));
    }

    function partitions() {
        var p = section("partitions", "Partitions"), o = base();
        var list = doc.report.partitions || [];
        words(p, doc.report.partitions_from, "quiet");
        lack(p, "partitions");
        if (!list.length) return;
        o.scales = {
            x: axis("partition", {type: "category", stacked: true}),
            y: axis("records", {beginAtZero: true, stacked: true})
        };
        o.plugins.tooltip = {callbacks: {
            title: function (t) {
                var q = list[t[0].dataIndex];
                return "partition " + q.partition + (q.owner ? ", " + q.owner :
                    "");
            }
        }};
        draw(p.box, p, "partitions", "Bars of records by partition: " +
            "committed, and not yet", {
            type: "bar",
            data: {
                labels: list.map(function (q) { return String(q.partition); }),
                datasets: [{
                    label: "committed", backgroundColor: colour("blue"),
                    data: list.map(function (q) {
                        return q.committed;
                    })
                }, {
                    label: "not committed yet",
                    backgroundColor: colour("orange"),
                    data: list.map(function (q) { return q.lag; })
                }]
            },
            options: o
        });
        numbers(p.box, p, "Partitions", [["partition"], ["topic", true],
            ["owner", true], ["committed"], ["next offset"], ["not yet"],
            ["devices", true]],
        list.map(function (q) {
            return [String(q.partition), q.topic, q.owner || "–",
                num(q.committed), num(q.next), num(q.lag), q.devices || "–"];
        }));
    }

    function model() {
        var p = section("model", "Model"), m = doc.model || {};
        var list = doc.report.history || [], o = base(true);
        var t0 = list.length ? list[0].time_ns : 0;
        if (m.kind)
            words(p, m.kind + ", version " + num(m.version) + ", " +
                num(m.points) + (m.points === 1 ? " point" : " points") +
                (known(m.threshold) ? ", threshold " + num(m.threshold) : "") +
                (m.warming ? ", still warming up: it gives no scores" : "") +
                (m.kernel ? "; kernel " + m.kernel : "") + ".");
        lack(p, "history");
        if (!list.length) return;
        words(p, doc.report.history_from, "quiet");
        o.scales = {
            x: axis("seconds since its first version shown", {type: "linear"}),
            y: axis("threshold"),
            points: axis("points", {
                position: "right", beginAtZero: true,
                grid: {display: false}
            })
        };
        o.plugins.tooltip = {callbacks: {
            title: function (t) {
                return "version " + list[t[0].dataIndex].version;
            }
        }};
        draw(p.box, p, "model", "Lines of the model's threshold and points " +
            "over time", {
            type: "line",
            data: {datasets: [
                line("threshold", "red", list.map(function (v) {
                    return {x: (v.time_ns - t0) / 1e9,
                        y: known(v.threshold) ? v.threshold : null};
                })),
                line("points", "blue", list.map(function (v) {
                    return {x: (v.time_ns - t0) / 1e9,
                        y: known(v.points) ? v.points : null};
                }), {yAxisID: "points", borderDash: [7, 3]})
            ]},
            options: o
        });
        numbers(p.box, p, "Versions", [["version"], ["time (UTC)", true],
            ["points"], ["threshold"], ["size"], ["took"]],
        list.map(function (v) {
            return [num(v.version), time(v.time_ns), num(v.points),
                num(v.threshold), bytes(v.bytes), ms(v.took_ms)];
        }));
    }

    function refused() {
        var p = section("refused", "Refused blocks");
        var r = doc.report.refused || {};
        words(p, r.words);
        lack(p, "refused");
        if ((r.reasons || []).length)
            p.box.appendChild(scrolled(table([["blocks"], ["reason", true],
                ["the newest", true]],
            r.reasons.map(function (x) {
                return [num(x.n), x.reason, x.origin || "–"];
            })), "Reasons"));
    }

    function counts() {
        var p = section("counts", "What became of blocks and rows");
        var rows = [];
        Object.keys(doc.blocks || {}).forEach(function (k) {
            rows.push([k, num(doc.blocks[k]), "blocks", get(doc.first, k)]);
        });
        Object.keys(doc.rows || {}).forEach(function (k) {
            rows.push([k, num(doc.rows[k]), "rows", get(doc.first, k)]);
        });
        Object.keys(doc.masked_cells || {}).forEach(function (k) {
            var name = (doc.masked_names || {})[k];
            var column = name ? k + " ('" + name + "')" : k;
            rows.push(["masked in column " + column,
                num(doc.masked_cells[k]), "cells", ""]);
        });
        lack(p, "counts");
        if (rows.length)
            p.box.appendChild(scrolled(table([["count", true], ["n"],
                ["of", true], ["the first", true]], rows), "Counts"));
    }

    function pilots() {
        var p = section("pilots", "Pilots and machines");
        var list = doc.report.pilots || [], hosts = doc.report.machines || [];
        if (list.length)
            p.box.appendChild(scrolled(table([["pilot", true], ["kind", true],
                ["state", true], ["host", true], ["ranks"], ["CPU"],
                ["memory"], ["restarts"], ["said last", true]],
            list.map(function (x) {
                return [x.name, x.kind, x.state, x.host || "–", num(x.ranks),
                    seconds(x.cpu_s), bytes(x.memory), num(x.restarts),
                    x.words || ""];
            })), "Pilots"));
        if (hosts.length) {
            p.box.appendChild(el("h3", null, "Machines"));
            p.box.appendChild(scrolled(table([["host", true],
                ["processor", true], ["cores"], ["memory"],
                ["system", true], ["clock"]],
            hosts.map(function (h) {
                return [h.host, h.cpu || "–", num(h.cores), bytes(h.memory),
                    h.system || "–", known(h.clock_ms) ?
                    (h.clock_ms < 0 ? "−" : "+") + ms(Math.abs(h.clock_ms)) +
                        " ± " + ms(h.clock_bound_ms) : "–"];
            })), "Machines"));
        }
        lack(p, "machines");
        if (hosts.some(function (h) { return known(h.clock_ms); }))
            words(p, "Clock: that of the parameter service less the host's.",
                "quiet");
    }

    function config() {
        var p = section("config", "Configuration");
        var c = doc.report.config || {}, rows = [];
        ["broker", "params"].forEach(function (k) {
            if (c[k]) rows.push([k, c[k]]);
        });
        (c.set || []).forEach(function (s) {
            rows.push(["--set", s]);
        });
        lack(p, "config");
        if (rows.length)
            p.box.appendChild(scrolled(table([["what", true],
                ["value", true]], rows), "Settings"));
        if (c.text) {
            var pre = el("pre", null, c.text);
            pre.tabIndex = 0;
            p.box.appendChild(pre);
        }
    }

    function render() {
        document.documentElement.dataset.theme = isDark() ? "dark" : "light";
        document.getElementById("theme").textContent =
            isDark() ? "Light" : "Dark";
        header();
        [verdict, figures, throughput, latency, hops, ranks, partitions,
            model, refused, counts, pilots, config]
            .forEach(function (part) {
                part();
            });
    }

    /* --- live --- */

    function follow(url) {
        var said = document.getElementById("link");
        var source = new EventSource(url);
        said.textContent = "live";
        source.onmessage = function (event) {
            doc = JSON.parse(event.data);
            said.textContent = "live, " + doc.report.made;
            render();
        };
        source.onerror = function () {
            said.textContent = source.readyState === EventSource.CLOSED ?
                "not live any more: the server has ended" :
                "the server does not answer; trying again";
        };
    }

    document.getElementById("theme").addEventListener("click", function () {
        chosen = isDark() ? "light" : "dark";
        render();
    });
    dark.addEventListener("change", render);
    render();
    if (document.documentElement.dataset.events)
        follow(document.documentElement.dataset.events);
})();
