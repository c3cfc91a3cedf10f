#!/bin/sh
# Stands in for the gateway: does what the first line of its configuration says.
# Called as: serve --config FILE --listen 127.0.0.1:0 --log-format json
[ "$1 $2 $4 $5 $6 $7" = "serve --config --listen 127.0.0.1:0 --log-format json" ] || exit 2
read -r order < "$3"
case "$order" in
refuse)
    echo "config.yaml:1:1: error: refused" >&2
    exit 1
    ;;
serve)
    trap 'echo "{\"fields\":{\"message\":\"reloaded\"}}" >&2' HUP
    trap 'echo "drained ${NAME:-nobody} ${HOME:-homeless}" >&2; exit 0' TERM
    echo '{"fields":{"message":"starting"}}' >&2
    echo '{"fields":{"message":"ready","listening":"127.0.0.1:4321"}}' >&2
    # The shell runs its traps between two looks at a pipe that stays silent.
    while :; do sleep 0.02; done
    ;;
esac
