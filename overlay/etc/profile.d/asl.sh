# shellcheck shell=sh
# Shows what this rescue node is: mode, store, reason and the next command.
# A login on a console has it from /etc/issue.d before; a later one may find
# another decision, and one over ssh has seen nothing.
case $- in
    *i*) [ -r /run/asl/issue ] && cat /run/asl/issue ;;
esac
