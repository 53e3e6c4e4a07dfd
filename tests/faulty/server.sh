#!/bin/sh
# A small app-server with a fault, which is the name that it is called by.
#
# It speaks enough of the protocol for one thread and its turns. The pipe NAME.alive is open for
# writing as long as any process of it lives.

fault=${0##*/}

if [ "$1" = --version ]; then
    echo 'codex-cli 0.169.0'
    exit 0
fi

# One request of ours takes a field more, or one notification has another word for an end; a
# resume takes what the third word says, or anything.
schema() {
    printf '{"definitions":{'
    printf '"ServerRequest":{"oneOf":[]},"ClientNotification":{"oneOf":['
    branch initialized '{}'
    printf ']},"ClientRequest":{"oneOf":['
    branch thread/resume "${3:-{\}}"
    printf ','
    for method in initialize thread/start thread/unsubscribe turn/interrupt; do
        branch "$method" '{}'
        printf ','
    done
    branch turn/start "{\"required\":[$1]}"
    printf ']},"ServerNotification":{"oneOf":['
    branch turn/started '{}'
    printf ','
    status="{\"properties\":{\"status\":{\"enum\":[\"$2\"]}}}"
    branch turn/completed "{\"properties\":{\"turn\":$status}}"
    printf ']}}}'
}

branch() {
    printf '{"properties":{"method":{"enum":["%s"]},"params":%s}}' "$1" "$2"
}

if [ "$2" = generate-json-schema ]; then
    bundle=$5/codex_app_server_protocol.schemas.json
    case $fault in
        prints-no-schema) echo 'which schema?' >&2 ;;
        prints-half-a-schema) echo '{"definitions":' >"$bundle" ;;
        breaks-its-schema) schema '' done >"$bundle" ;;
        takes-more-than-we-send) schema '"more"' completed >"$bundle" ;;
        resumes-as-it-was) schema '' completed '{"properties":{"threadId":{}}}' >"$bundle" ;;
        *) schema '' completed >"$bundle" ;;
    esac
    exit 0
fi

# It keeps no home that another one has had.
owner=$CODEX_HOME/owner
if [ "$fault" = keeps-its-own-home ] && [ -f "$owner" ] && [ "$(cat "$owner")" != "$fault" ]; then
    echo "cannot migrate the home of $(cat "$owner")" >&2
    exit 3
fi
echo "$fault" >"$owner"

# It loads the system's certificates unless there are others, and asks a script for the system's
# name. Both take long.
if [ "$fault" = wastes-time ]; then
    [ "$(grep -c BEGIN "$SSL_CERT_FILE")" = 1 ] || exit 4
    [ "$(wc -c <"${PATH%%:*}/lsb_release")" -eq 0 ] || exit 5
fi

# It does not start with one of the values of config.toml.
if [ "$fault" = refuses-a-config ] && grep -q untrusted "$CODEX_HOME/config.toml"; then
    echo 'Error: approval_policy = "untrusted" is no longer supported' >&2
    exit 1
fi

echo started >>"$0.starts"
exec 9>"$0.alive"

policy='"approvalPolicy":"on-request","approvalsReviewer":"user","sandbox":{"type":"readOnly"}'
stated="{\"thread\":{\"id\":\"thread-1\"},$policy}"
turns=0
# Whether it sends no notifications any more.
quiet=no

answer() {
    printf '{"id":%s,"result":%s}\n' "$id" "$1"
}

tell() {
    printf '{"method":"%s","params":{"threadId":"thread-1","turn":{"id":"turn-%s","status":"%s"}}}\n' \
        "$1" "$turns" "$2"
}

hang() {
    while read -r line; do :; done
    exit 0
}

thread() {
    case $fault in
        garbage-after-initialize) echo 'Segmentation fault' ;;
        hangs-after-initialize) hang ;;
        closes-its-stdout) exec cat >/dev/null ;;
        talks-on-and-on) exec yes 'Segmentation fault' ;;
        cannot-load-a-config)
            if grep -q untrusted "$CODEX_HOME/config.toml"; then
                said="failed to load configuration: $CODEX_HOME/config.toml:3:1: unknown variant"
                printf '{"id":%s,"error":{"code":-32600,"message":"%s"}}\n' "$id" "$said"
            else
                answer "$stated"
            fi ;;
        cannot-sandbox)
            said="bwrap: Can't mkdir /tmp/codex-daemon-0: Read-only file system"
            printf '{"id":%s,"error":{"code":-32600,"message":"%s"}}\n' "$id" "$said" ;;
        sandboxes-when-tried-again)
            # Two sandboxes met in the first run, and none in the second.
            if mkdir "$0.tried" 2>/dev/null; then
                said="bwrap: Can't mount tmpfs on /newroot/.agents: No such file or directory"
                printf '{"id":%s,"error":{"code":-32600,"message":"%s"}}\n' "$id" "$said"
            else
                answer "$stated"
            fi ;;
        answers-twice) answer "$stated"; answer "$stated" ;;
        *) answer "$stated" ;;
    esac
}

turn() {
    turns=$((turns + 1))
    answer "{\"turn\":{\"id\":\"turn-$turns\"}}"
    [ "$quiet" = yes ] && return
    tell turn/started inProgress
    case $fault in
        dies-in-a-turn) echo 'it was too much' >&2; exit 3 ;;
        hangs-in-a-turn) hang ;;
        panics-and-goes-on) echo "thread 'main' panicked at src/main.rs:1:1" >&2 ;;
    esac
    case $fault in
        fails-its-turns) tell turn/completed failed ;;
        *) tell turn/completed completed ;;
    esac
}

case $fault in
    ends-at-once) read -r line; echo 'no config' >&2; exit 2 ;;
    chatters) yes 'a line on stderr that nobody wants to read' | head -c 100000000 >&2 ;;
esac

while read -r line; do
    id=${line#*'"id":'}
    id=${id%%[!0-9]*}
    case $fault:$line in
        garbage:*) echo 'Segmentation fault' ;;
        never-introduces-itself:*) ;;
        *'"method":"initialize"'*) answer '{}' ;;
        *'"method":"turn/start"'*) turn ;;
        never-says-idle:*'"method":"thread/unsubscribe"'*) quiet=yes; answer '{}' ;;
        *'"method":"thread/'*) thread ;;
    esac
done

case $fault in
    outlives-its-stdin) exec tail -f /dev/null ;;
esac
