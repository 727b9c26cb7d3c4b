# lint.sh - ./dev lint: every lint, their self-test and the report on lengths.
# shellcheck shell=sh

lint_main()
{
    lint_status=0
    for lint_one in "$top"/tools/lint/lint-*; do
        if "$lint_one" "$top"; then
            echo "ok - ${lint_one##*/}"
        else
            echo "not ok - ${lint_one##*/}"
            lint_status=1
        fi
    done
    "$top/tools/lint/selftest.sh" || lint_status=1
    "$top/tools/lint/length.py" "$top"
    return $lint_status
}
