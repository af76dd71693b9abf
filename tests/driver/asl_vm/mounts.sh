# Sourced behind guest.sh: what a mount does to a disk. Three images of one file system come first:
# clean (unmounted), dirty (the power cut: a late file is synced to the log only) and frozen (as
# for a snapshot of the disk: the log is flushed, and a deleted file is still open, an orphan). Then
# each is mounted with options and compared.
# shellcheck shell=bash

MNT=/run/lab/mnt

# mount_states TYPE IMAGE: clean.img, and where the kernel can write it dirty.img and frozen.img
mount_states() {
    local node i
    rm -f clean.img dirty.img frozen.img
    cp --sparse=always "$2" work.img
    case $1 in
        iso9660 | squashfs | erofs)
            mv work.img clean.img
            return
            ;;
    esac
    node=$(losetup --find --show work.img)
    mount -t "$1" "$node" $MNT
    fill $MNT 1 s1
    for i in 1 2 3 4 5 6 7 8; do echo "$i" >$MNT/logs/$i; done
    umount $MNT
    cp --sparse=always work.img clean.img
    mount -t "$1" "$node" $MNT
    exec 7<>$MNT/orphan
    dd if=/dev/zero of=$MNT/orphan bs=4096 count=20 conv=notrunc status=none
    sync -f $MNT
    rm $MNT/orphan
    dd if=/dev/zero of=$MNT/blocks/late bs=4096 count=3 conv=fsync status=none
    echo late >$MNT/logs/late
    cp --sparse=always work.img dirty.img
    if fsfreeze -f $MNT 2>/dev/null; then
        cp --sparse=always work.img frozen.img
        fsfreeze -u $MNT
    else
        sync -f $MNT
        cp --sparse=always work.img frozen.img
    fi
    exec 7<&-
    umount $MNT
    losetup --detach "$node"
}

# mount_read TYPE OPTIONS NODE STATE: `refused`, or what is seen: `full`, or `stale` where a file
# that was synced before the power cut is missing
mount_read() {
    mount -i -t "$1" -o "$2" "$3" $MNT 2>/dev/null || { echo refused; return; }
    cat $MNT/blocks/* $MNT/logs/* &>/dev/null || true
    local view=stale
    [ "$4" != clean ] && [ ! -s $MNT/blocks/late ] || view=full
    [ -s $MNT/blocks/one ] || view=broken
    umount $MNT
    echo $view
}

# mount_tries TYPE IMAGE OPTIONS...: for each of the options and states a line of OPTIONS, STATE,
# what came of it on a read-only device, and on a writable one
mount_tries() {
    local type=$1 image=$2 options state node guarded open before after
    shift 2
    cd /run/lab || return
    mount_states "$type" "$image"
    for options; do
        for state in clean dirty frozen; do
            [ -e $state.img ] || continue
            cp --sparse=always $state.img try.img
            node=$(losetup --find --show try.img)
            read -ra before <"/sys/block/${node#/dev/}/stat"
            blockdev --setro "$node"
            guarded=$(mount_read "$type" "$options" "$node" $state)
            blockdev --setrw "$node"
            cmp -s $state.img try.img || guarded=written
            open=$(mount_read "$type" "$options" "$node" $state)
            read -ra after <"/sys/block/${node#/dev/}/stat"
            # Sectors written and discarded: the same bytes written again count too.
            [ "${before[6]} ${before[13]}" = "${after[6]} ${after[13]}" ] || open=written
            losetup --detach "$node"
            cmp -s $state.img try.img || open=written
            echo "$options $state $guarded $open"
        done
    done
    rm -f ./*.img
}
