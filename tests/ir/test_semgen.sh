#!/bin/sh
# semgen refuses wrong semantics in one line that names the handler and the rule.
# $1: the semgen of bad_rows.c.
n=0

expect() { # row, exit status, what the output has
    n=$((n + 1))
    if [ "$1" ]; then
        out=$("$semgen" --row "$1" 2>&1)
    else
        out=$("$semgen" /dev/null 2>&1)
    fi
    status=$?
    case "$out" in
    *"$3"*) found=yes ;;
    *) found=no ;;
    esac
    if [ $status = "$2" ] && [ $found = yes ]; then
        echo "ok $n - ${1:-all rows}"
    else
        echo "not ok $n - ${1:-all rows}"
        echo "# status $status, output: $out"
    fi
}

semgen=$1
echo 1..9
expect good 0 "rt_set64(S + in->reg[0], v1);"
expect mixed_types 1 "semgen: handler mixed_types of bad: IR builder: ADD at +0: operands and result differ in type"
expect fault_after_set 1 "LD at +0: may fault after state was written"
expect get_after_set 1 "GET at +0: state is read after the instruction has set some"
expect unbalanced_if 1 "an instruction ends inside IF or LOOP"
expect unbalanced_loop 1 "ENDLOOP at +0: the end of a loop that is not open"
expect value_of_closed_if 1 "operation 5 (SET): an operand from an IF or LOOP that is closed"
expect no_such_operand 1 "GET at +0: a register operand that is not decoded"
expect "" 1 "semgen: handler mixed_types of bad"
