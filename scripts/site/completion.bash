# completion.bash - bash completion of pilot and pilot-submit.
#
# Options come from --help, runs and pilots from `pilot status`: there is
# nothing to keep in step by hand.

# _pilot_options COMMAND...: long and short options of a command.
_pilot_options() {
    "$@" --help 2>/dev/null |
        sed -n 's/^ *\(-[A-Za-z]\)\{0,1\}, \{0,1\}\(--[a-z-]*\).*/\1 \2/p
            s/^ *\(--[a-z-]*\).*/\1/p'
}

_pilot_commands() {
    pilot --help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

_pilot_ids() {
    pilot status --all --no-header 2>/dev/null |
        awk '{ print $1; sub("/.*", "", $1); print $1 }' | sort -u
}

_pilot_runs() {
    pilot runs --no-header 2>/dev/null | awk '{ print $1 }'
}

_pilot_complete() {
    local word=$2 command=submit words=() first=1
    COMPREPLY=()
    if [ "${COMP_WORDS[0]##*/}" = pilot ]; then
        command=${COMP_WORDS[1]-}
        first=2
        if [ "$COMP_CWORD" -eq 1 ]; then
            mapfile -t COMPREPLY < <(compgen -W \
                "$(_pilot_commands) --help --version" -- "$word")
            return
        fi
    fi
    case $word in
    -*)
        words=("$command")
        [ "$command ${COMP_WORDS[2]-}" != "services topic" ] ||
            words=(services topic)
        [ "$command" != refused ] || words=(refused "${COMP_WORDS[2]-}")
        mapfile -t COMPREPLY < <(compgen -W \
            "$(_pilot_options pilot "${words[@]}")" -- "$word")
        return
        ;;
    esac
    case ${COMP_WORDS[COMP_CWORD - 1]} in
    --resource)
        words=(local:// batch:// slurm:// pbs:// ssh:// slurm+ssh://
            slurmrest:// pbs+ssh:// exec:/// ec2:// openstack:// virsh:///)
        ;;
    --to) [ "$command" != move ] || words=(pool devices) ;;
    --launcher) words=(auto srun mpirun mpiexec) ;;
    --until)
        words=(active flowing end)
        [ "$command" != run ] || words=(eof)
        ;;
    --run | --successor) mapfile -t words < <(_pilot_ids) ;;
    --rm | --resume) mapfile -t words < <(_pilot_runs) ;;
    esac
    if [ ${#words[@]} -eq 0 ] && [ "$COMP_CWORD" -ge "$first" ]; then
        case $command in
        status | wait | cancel | log | resize) mapfile -t words < <(_pilot_ids) ;;
        move | swap | task) mapfile -t words < <(_pilot_runs | sed 's|$|/|') ;;
        advise | results | peek | top | commits | report | scale | event | \
            serve | trace | verify)
            mapfile -t words < <(_pilot_runs)
            ;;
        score) # then files
            [ "$COMP_CWORD" -gt "$first" ] ||
                mapfile -t words < <(_pilot_runs)
            ;;
        model)
            if [ "$COMP_CWORD" -eq "$first" ]; then
                words=(show get list)
            elif [ "$COMP_CWORD" -eq $((first + 1)) ]; then
                mapfile -t words < <(_pilot_runs)
            fi
            ;;
        refused)
            if [ "$COMP_CWORD" -eq "$first" ]; then
                words=(list show replay)
            elif [ "$COMP_CWORD" -eq $((first + 1)) ]; then
                mapfile -t words < <(_pilot_runs)
            fi
            ;;
        services)
            [ "$COMP_CWORD" -gt "$first" ] || words=(start status stop
                run fetch check topic)
            ;;
        config) [ "$COMP_CWORD" -gt "$first" ] || words=(check keys show) ;;
        esac
    fi
    if [ ${#words[@]} -gt 0 ]; then
        mapfile -t COMPREPLY < <(compgen -W "${words[*]}" -- "$word")
        # "://" breaks words: what stands already is not offered again.
        __ltrim_colon_completions "$word" 2>/dev/null
        return
    fi
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
}

complete -o filenames -F _pilot_complete pilot pilot-submit
