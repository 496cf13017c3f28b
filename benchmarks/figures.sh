# figures.sh - pictures and claims out of the lines of `reproduce`.  Sourced.
# shellcheck shell=bash disable=SC2154

# med COLUMN [FIELD=VALUE]...: median over the repeats; "" where there is none.
med() {
    local column=$1
    shift
    awk -F, -v column="$column" -v where="$*" '
        NR == 2 {for (i = 1; i <= NF; i++) at[$i] = i}
        NR > 2 {
            n = split(where, want, " ")
            for (k = 1; k <= n; k++) {
                split(want[k], pair, "=")
                if ($(at[pair[1]]) != pair[2]) next
            }
            print $(at[column])
        }' "$csv" | sort -g | awk '{v[NR] = $1} END {
            if (NR) print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'
}

# word COLUMN [FIELD=VALUE]...: the one that comes most often.
word() {
    local column=$1
    shift
    awk -F, -v column="$column" -v where="$*" '
        NR == 2 {for (i = 1; i <= NF; i++) at[$i] = i}
        NR > 2 {
            n = split(where, want, " ")
            for (k = 1; k <= n; k++) {
                split(want[k], pair, "=")
                if ($(at[pair[1]]) != pair[2]) next
            }
            print $(at[column])
        }' "$csv" | sort | uniq -c | sort -rn | awk 'NR == 1 {print $2}'
}

# have COLUMN: its values in the file, in order.
have() {
    awk -F, -v column="$1" '
        NR == 2 {for (i = 1; i <= NF; i++) at[$i] = i}
        NR > 2 {print $(at[column])}' "$csv" | sort -gu
}

calc() { awk "BEGIN {printf \"%.3g\", $1}"; }
# holds EXPRESSION: is it true?  Of missing cells it is not.
holds() {
    case $1 in *'()'* | *'( '* | '') return 1 ;; esac
    awk "BEGIN {exit !($1)}" 2>/dev/null
}
over() { [ -n "$1" ] && [ -n "$2" ] && calc "$1 / $2" || echo '?'; }

# claim ID VERDICT WORDS: a line of the list.
claim() { printf '%-5s %-24s %s\n' "$1" "$2" "${*:3}"; }

# --- pictures

plot_head() {
    cat <<X
set terminal svg size $1 font 'sans-serif,11' background '#ffffff' dynamic
set output '$out/$figure.svg'
set datafile missing '?'
set logscale xy
set xtics ($(have points | awk '{printf "%s\"%s\" %s", (NR > 1 ? ", " : ""), ($1 >= 1000 ? $1 / 1000 "k" : $1), $1}'))
set xrange [18:14000]
set format y '%g'
set grid ytics lc rgb '#dddddd'
set border 3
set tics nomirror
set key top left Left reverse samplen 2 spacing 1.1
set xlabel 'points in a message (32 features)'
X
}

# series NAME FIELD COLUMN WHERE...: lines "points value".
series() {
    local s v
    echo "\$$1 << EOD"
    for s in $(have points); do
        v=$(med "$2" "points=$s" "${@:3}")
        echo "$s ${v:-?}"
    done
    echo EOD
}

plot_fig2() {
    local p panel n=0 line=''
    {
        plot_head 860,360
        echo "set multiplot layout 1,2 title '$machine' font ',10'"
        for p in $(have partitions); do
            series "t$p" mb_per_s "partitions=$p"
            series "l$p" p50_ms "partitions=$p"
        done
        for panel in t l; do
            [ $panel = t ] && echo "set ylabel 'throughput, MB/s'; set yrange [1:1000]; set key bottom left" ||
                echo "set ylabel 'latency, p50, ms'; set yrange [1:1e5]; unset key"
            line='' n=0
            for p in $(have partitions); do
                n=$((n + 1))
                line="$line${line:+, }\$$panel$p using 1:2 with linespoints lt $n pt $((n + 4)) lw 2 title '$p partition$([ "$p" = 1 ] || echo s)'"
            done
            echo "plot $line"
        done
        echo "unset multiplot"
    } >"$out/$figure.gp"
    gnuplot "$out/$figure.gp"
}

plot_fig3() {
    local panel m l n line
    {
        plot_head 860,720
        echo "set multiplot layout 2,2 title '$machine' font ',10'"
        for m in passthrough kmeans iforest autoencoder; do
            for l in local wan; do
                series "t${l}$m" mb_per_s "model=$m" "link=$l" place=cloud
                series "l${l}$m" p50_ms "model=$m" "link=$l" place=cloud
            done
            series "thybrid$m" mb_per_s "model=$m" link=wan place=hybrid
            series "lhybrid$m" p50_ms "model=$m" link=wan place=hybrid
            series "tedge$m" mb_per_s "model=$m" place=edge
            series "ledge$m" p50_ms "model=$m" place=edge
        done
        for panel in t l; do
            for l in local wan; do
                [ $l = local ] && echo "set title 'one site: cloud (lines), edge (dashes)'" ||
                    echo "set title 'over 150 ms, 60-100 Mbit/s: cloud (lines), packed (dashes)'"
                if [ $panel = t ]; then
                    echo "set ylabel 'throughput, MB/s'; set yrange [0.2:5000]; set key bottom left"
                else
                    echo "set ylabel 'latency, p50, ms'; set yrange [0.01:1e5]; unset key"
                fi
                line='' n=0
                for m in passthrough kmeans iforest autoencoder; do
                    n=$((n + 1))
                    line="$line${line:+, }\$$panel$l$m using 1:2 with linespoints lt $n pt $((n + 3)) lw 2 title '${m/passthrough/baseline}'"
                    # A pass-through where it is sensed moves nothing.
                    [ "$l $m" != "local passthrough" ] || continue
                    line="$line, \$$panel$([ $l = local ] && echo edge || echo hybrid)$m using 1:2 with linespoints lt $n dt 2 pt $((n + 3)) ps 0.5 lw 1.5 notitle"
                done
                echo "plot $line"
            done
        done
        echo "unset multiplot"
    } >"$out/$figure.gp"
    gnuplot "$out/$figure.gp"
}

# --- claims of the paper, by the ids of the sentences they come from

claim_list() {
    echo "# $figure: $machine"
    echo "# $(sed 1,2d "$csv" | wc -l) cells from $(sed 1,2d "$csv" | cut -d, -f21 | sort | sed -n '1p;$p' | paste -sd ' ' |
        sed 's/ / to /'), load $(sed 1,2d "$csv" | cut -d, -f20 | sort -g | sed -n '1p;$p' | paste -sd ' ' | sed 's/ / to /')"
    ! holds "$(sed 1,2d "$csv" | cut -d, -f20 | sort -g | tail -n 1) > 3 * $cores" ||
        echo "# other work had the cores, too: figures and verdicts are of a busy machine"
}

claims_fig2() {
    local first last top best low=25 big s p a b steps='' grows=0 bound
    claim_list
    # shellcheck disable=SC2046
    set -- $(have partitions)
    first=$1 last=${*: -1}
    big=$(have points | tail -n 1)
    low=$(have points | head -n 1)
    if [ -n "$pool_pin" ]; then
        claim F46 reproduced "4 and 10 cores and a core a device are pinned"
    else
        claim F46 "cannot be measured here" "$cores cores, of $wanted: devices, broker and ranks share them; memory of the agent is limited to 4 GB a device"
    fi
    claim F47 reproduced "the generator: seeded blobs, made before the run, in turn"
    claim F48 "$([ -n "$pool_pin" ] && echo reproduced || echo differs)" "devices are threads of one agent$([ -n "$pool_pin" ] || echo ", and no core is theirs alone"); 4 GB each"
    claim F49 reproduced "$first to $last devices, as many partitions and ranks"
    claim F50 "$(holds "$low == 25 && $big == 10000" && echo reproduced || echo differs)" \
        "$low to $big points of 32 doubles: a record of $((128 + low * 256)) B to $(calc "(128 + $big * 256) / 1e6") MB"
    s=$(have messages | paste -sd ' ' | sed 's/ .* / /; s/ / to /')
    claim F51 "$([ "$s" = 512 ] && [ "$(have repeat | tail -n 1)" -ge 3 ] && echo reproduced || echo differs)" \
        "$s messages a run, $(have repeat | tail -n 1) times"
    claim F51b reproduced "devices, broker and ranks at one site, pass-through"
    for s in $(have points); do
        a=$(med points_per_s "points=$s" "partitions=$first") best=$first top=1
        for p in $(have partitions); do
            b=$(over "$(med points_per_s "points=$s" "partitions=$p")" "$a")
            holds "$b > $top" && top=$b best=$p
        done
        steps="$steps${steps:+; }$s points: x$top with $best, bound by $(word bound "points=$s" "partitions=$best")$(
            [ "$best" = "$last" ] || echo ", x$(over "$(med points_per_s "points=$s" "partitions=$last")" "$a") with $last, by $(word bound "points=$s" "partitions=$last")")"
        ! holds "$top > 1.15" || grows=$((grows + 1))
    done
    claim F52 "$([ $((2 * grows)) -gt "$(have points | wc -l)" ] && echo reproduced || echo differs)" \
        "throughput grows with devices and partitions at $grows of $(have points | wc -l) sizes, up to $cores cores for all ($steps)"
    claim F53 reproduced "each line has the hops of its run; the summary, and a trace, have all"
    bound=$(word bound "points=$big" "partitions=$last")
    if [[ " pool fetch kernel reduce " = *" $bound "* ]]; then
        claim F54 reproduced "$last partitions, $big points: the run says that its ranks are the bottleneck, by $bound"
    else
        claim F54 differs "$last partitions, $big points: bound by $bound; a rank takes $(calc "1e3 * $(med process_ms "points=$big" "partitions=$last" | grep . || echo 0)") us for a block of the pass-through, and the broker is what costs"
    fi
}

# order LINK: the models by throughput at the largest size, the fastest first.
order() {
    local m
    for m in passthrough kmeans iforest autoencoder; do
        echo "$(med blocks_per_s "points=$big" "model=$m" "link=$1" place=cloud) $m"
    done | sort -rg | awk '{printf "%s%s %.4g", (NR > 1 ? " > " : ""), $2, $1}'
}

rate() { med blocks_per_s "points=$big" "model=$1" "link=$2" "place=$3"; }
took() { med process_ms "points=$big" "model=$1" link=local place=cloud; }

claims_fig3() {
    local big last f k a m bounds='' lifts='' edge='' lat=''
    big=$(have points | tail -n 1)
    last=$(have partitions | tail -n 1)
    claim_list
    claim F55 reproduced "place=cloud: devices sense, ranks prepare, train and score"
    claim F56 reproduced "k-means (25 clusters), isolation forest, auto-encoder, beside the pass-through"
    claim F57 "$(holds "$(med version model=kmeans place=cloud) > 1" && echo reproduced || echo differs)" \
        "models learn from each block and are committed to Redis (median version at the end: $(med version model=kmeans place=cloud)); by time, not by message"
    claim F58 reproduced "100 trees of 256 rows; scores beside PyOD's: benchmarks/peers/compare.py"
    claim F59 reproduced "32-32-32-64-32-32-64-32, 11,552 parameters (tests/unit/test_net); one pass over a block, not PyOD's 100"
    k=$(rate kmeans local cloud) f=$(rate iforest local cloud) a=$(rate autoencoder local cloud)
    for m in kmeans iforest autoencoder; do
        lat="$lat${lat:+, }$m $(calc "$(took $m | grep . || echo 0)") ms"
    done
    claim F60 "$(holds "$k > $f && $f > $a" && echo reproduced || echo differs)" "one site, $big points, blocks/s: $(order local); a rank takes $lat for a block, and the broker, which is the same for all, the rest"
    claim F60b "$(holds "$(took iforest) > $(took kmeans) && $k > $f" && echo reproduced || echo differs)" \
        "the forest against k-means: throughput 1 : $(over "$k" "$f"), time of a block $(over "$(took iforest)" "$(took kmeans)") : 1"
    if [ -n "$pool_pin" ]; then
        claim F60c reproduced "ten cores are pinned for the ranks"
    else
        claim F60c "cannot be measured here" "the paper's ranks have 10 cores and 44 GB; here $cores cores are for all"
    fi
    claim F61 differs "the auto-encoder streams: $(calc "$a * $big / 1e6") million points/s of 32 features, in C and without a garbage collector"
    for m in passthrough kmeans iforest autoencoder; do
        edge="$edge${edge:+; }${m/passthrough/baseline} $(calc "$(rate $m local edge | grep . || echo 0)"), x$(over "$(rate $m local edge)" "$(rate $m wan cloud)") of cloud over the link"
    done
    claim F62 "$(holds "$(rate autoencoder local edge) > $(rate autoencoder wan cloud)" && echo reproduced || echo differs)" \
        "processed where it is sensed, without a broker, blocks/s of $big points (the baseline moves nothing there): $edge"
    claim F63 reproduced "$last partitions; the link by pilot-link: 140 to 160 ms there and back, 60 to 100 Mbit/s by a seed"
    for m in passthrough kmeans iforest autoencoder; do
        bounds="$bounds${bounds:+; }${m/passthrough/baseline} $(calc "$(med mb_per_s "points=$big" "model=$m" link=wan place=cloud | grep . || echo 0) * 8") Mbit/s, link busy $(calc "100 * $(med link_busy "points=$big" "model=$m" link=wan place=cloud | grep . || echo 0)")%, bound by $(word bound "points=$big" "model=$m" link=wan place=cloud)"
        lifts="$lifts${lifts:+; }${m/passthrough/baseline} x$(over "$(rate $m wan hybrid)" "$(rate $m wan cloud)")"
    done
    claim F64 "$(holds "$(med link_busy "points=$big" model=passthrough link=wan place=cloud) > 0.8 && $(med link_busy "points=$big" model=kmeans link=wan place=cloud) > 0.8 && $(rate kmeans wan hybrid) > 1.2 * $(rate kmeans wan cloud)" && echo reproduced || echo differs)" \
        "$big points: $bounds.  Packed at the edge (floats, zstd): $lifts"
    if holds "$(rate iforest local cloud) < 1.2 * $(rate iforest wan cloud) && $(rate autoencoder local cloud) < 1.2 * $(rate autoencoder wan cloud)"; then
        claim F65 reproduced "the link does not slow forest and auto-encoder"
    else
        claim F65 differs "the link bounds these, too: they do $(calc "$f * $big * 256 * 8e-9") and $(calc "$a * $big * 256 * 8e-9") Gbit/s at one site, beyond any 100 Mbit/s; the paper's needed seconds a block"
    fi
    claim F66 "$(holds "$k > 4 * $f && $k < 6 * $f" && echo reproduced || echo differs)" \
        "k-means : forest at $big points is $(over "$k" "$f") in the stream, whose broker costs as much as either, and $(over "$(took iforest)" "$(took kmeans)") by the time of a block"
}
