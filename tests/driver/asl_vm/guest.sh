# Sourced by the test shell in the guest: makes stores with the system's own tools, lets the node
# decide, and shows its state. One call does much, because every process costs a tenth of a second
# under emulation. Backing files live on a tmpfs: the live root's upper layer is itself under test.
# shellcheck shell=bash

LAB=/run/lab
CONF=/etc/asl/asl.conf

lab_prepare() {
    mkdir -p $LAB
    mountpoint -q $LAB || mount -t tmpfs -o size=80%,mode=0700 lab $LAB
    mkdir -p $LAB/disk $LAB/mnt
    # Booted without the module.
    [ -e $CONF ] || return 0
    # What a situation attaches is for `decide` to find; those about the watcher start it.
    systemctl stop asl-watch.service
    cp $CONF $LAB/asl.conf
}

# make_fs FS NODE FS-UUID
make_fs() {
    case $1 in
        ext2 | ext3 | ext4) "mkfs.$1" -q -F -U "$3" "$2" ;;
        xfs) mkfs.xfs -q -f -l size=64m -m uuid="$3" "$2" ;;
        btrfs) mkfs.btrfs -q -f -U "$3" "$2" ;;
        *) echo "no maker for $1" >&2; return 1 ;;
    esac
}

# fill DIR TREE STORE-ID: the tree of a store, with our marker where an id is given
fill() {
    if [ "$2" = 1 ]; then
        mkdir -p "$1"/{blocks,segments,snapshots,logs}
        echo "one block" >"$1/blocks/one"
    else
        echo "not a store" >"$1/note"
    fi
    if [ -n "$3" ]; then
        mkdir -p "$1/meta"
        printf 'format = "asl-store"\nversion = 1\nuuid = "%s"\n' "$3" >"$1/meta/store.toml"
    fi
}

# store_on NODE FS FS-UUID TREE STORE-ID DIR: file system and content, cleanly unmounted
store_on() {
    make_fs "$2" "$1" "$3"
    mount "$1" $LAB/mnt
    mkdir -p "$LAB/mnt/$6"
    fill "$LAB/mnt/$6" "$4" "$5"
    umount $LAB/mnt
}

# pair_on FIRST SECOND STORE-ID DIR: a btrfs of two devices, each block on both, with a store at its
# root or below a subvolume, cleanly unmounted
pair_on() {
    mkfs.btrfs -q -f -d raid1 -m raid1 "$1" "$2"
    mount -o "device=$1,device=$2" "$1" $LAB/mnt
    [ "$4" = . ] || btrfs -q subvolume create "$LAB/mnt/${4%%/*}"
    fill "$LAB/mnt/$4" 1 "$3"
    umount $LAB/mnt
    # The driver would let no other device with these ids in.
    btrfs device scan --forget
}

# pull_plug FS NODE FILE: the state that a power cut leaves, with a log that needs replay, in
# FILE.cut. The loop device writes through the backing file's page cache, so a copy of that file
# while the file system is mounted is the disk at that moment.
pull_plug() {
    mount "$2" $LAB/mnt
    # btrfs has a log tree only after an fsync, and only until the next commit.
    [ "$1" = btrfs ] && btrfs filesystem sync $LAB/mnt >/dev/null
    dd if=/dev/zero of=$LAB/mnt/blocks/late bs=4096 count=3 conv=fsync status=none
    cp --sparse=always "$3" "$3.cut"
    umount $LAB/mnt
}

# attach FILE [SECTOR]: prints the node
attach() { losetup --find --show --partscan --sector-size "${2-512}" "$1"; }

# make_disk FILE MIB PARTITIONS PARTITION FS FS-UUID TREE STORE-ID DIR REPLAY SECTOR: a loop device
# with a GPT of equal partitions if there are any, and a store. Prints node and fingerprint.
make_disk() {
    local node script="label: gpt"$'\n'
    truncate -s "$2M" "$1"
    if [ "$3" -gt 0 ]; then
        for _ in $(seq "$3"); do script+="size=$((($2 - 2) / $3))MiB"$'\n'; done
        sfdisk --quiet --sector-size "${11}" "$1" <<<"$script"
    fi
    node=$(attach "$1" "${11}")
    if [ -n "$5" ]; then
        local part=$node
        [ "$4" -gt 0 ] && part=${node}p$4
        store_on "$part" "$5" "$6" "$7" "$8" "$9"
        # Zeroes become holes, so that the 64 MiB of an empty xfs log cost no hashing.
        sync
        fallocate --dig-holes "$1"
        if [ "${10}" = 1 ]; then
            pull_plug "$5" "$part" "$1"
            losetup --detach "$node"
            mv "$1.cut" "$1"
            node=$(attach "$1" "${11}")
        fi
    fi
    echo "$node"
    fingerprint "$1" "$node"
}

# map_disk NAME LOOP FS FS-UUID STORE-ID: all but the first MiB of LOOP as a node of its own, with
# a store where FS is given. Prints the node.
map_disk() {
    dmsetup create "$1" --table "0 $(($(blockdev --getsz "$2") - 2048)) linear $2 2048"
    [ -z "$3" ] || store_on "/dev/mapper/$1" "$3" "$4" 1 "$5" .
    readlink -f "/dev/mapper/$1"
}

# map_again NAME LOOP TABLE: another table, filled up with what lies behind its last line
map_again() {
    local start length size
    size=$(($(blockdev --getsz "$2") - 2048))
    # shellcheck disable=SC2034 # the rest of the last line is of no interest
    read -r start length rest <<<"${3##*$'\n'}"
    {
        echo "$3"
        start=$((start + length))
        [ $start -ge $size ] || echo "$start $((size - start)) linear $2 $((start + 2048))"
    } | dmsetup reload "$1"
    # What was read before is in the page cache, and would be read from there again.
    dmsetup suspend "$1"
    dmsetup resume "$1"
    blockdev --flushbufs "/dev/mapper/$1"
}

# trace_on: from here on the kernel notes every open and ioctl of a block device. trace_off prints
# them: event, command, flags or request, and device.
trace_on() {
    local dir=/sys/kernel/tracing
    mountpoint -q $dir || mount -t tracefs tracefs $dir
    echo 8192 >$dir/buffer_size_kb
    echo "f:lab/open blkdev_open value=filp->f_flags:u32 dev=inode->i_rdev:u32" >$dir/dynamic_events
    echo "f:lab/ioctl blkdev_ioctl value=cmd:u32 dev=file->f_inode->i_rdev:u32" >>$dir/dynamic_events
    udevadm settle
    echo >$dir/trace
    echo 1 >$dir/events/lab/enable
}

trace_off() {
    local dir=/sys/kernel/tracing
    echo 0 >$dir/events/lab/enable
    # "  comm-pid [cpu] flags time: event: (function) value=N dev=N"
    sed -nE 's/^ *(.*)-[0-9]+ +\[.* (open|ioctl): .*value=([0-9]+) dev=([0-9]+)$/\2 \3 \4 \1/p' $dir/trace
    grep -q "entries-in-buffer/entries-written: \([0-9]*\)/\1 " $dir/trace
    echo >$dir/dynamic_events
}

# fingerprint FILE NODE: the content (only what is allocated, and where), and the sectors that the
# kernel wrote and discarded. Not the number of writes: a flush, which unmounting a read-only xfs
# sends, counts as a write of no sectors.
fingerprint() {
    sync
    tar --sparse --mtime=@0 --owner=0 --group=0 --mode=0 -C "${1%/*}" -cf - "${1##*/}" |
        sha256sum | cut -c -64
    awk '{ print $7, $14 }' "/sys/block/${2#/dev/}/stat"
}

# decide: let go of the store and run the units again, as a boot does. A unit that fails is for
# the assertions to find.
decide() {
    systemctl stop asl-intake.service asl-activate.service
    # Situations follow each other faster than the start limit of a unit allows.
    systemctl reset-failed 'asl-*'
    nodes >$LAB/nodes
    systemctl restart asl-preflight.service || true
    # In mode none both are skipped: cold boots and the situation `no-disk` show it, and each
    # skip costs seconds of emulated time.
    [ "${1-}" = only ] && return
    if [ "${1-}" = serve ] || ! grep -q "^mode='none'" /run/asl/mode; then
        systemctl start asl-activate.service asl-intake.service || true
    fi
}

# nodes: every block device that has a size or is read-only, with both. A loop device that is free
# and writable is what a detached one leaves.
nodes() {
    local dir
    for dir in /sys/class/block/*; do
        echo "${dir##*/} $(<"$dir/size") $(<"$dir/ro")"
    done | grep -v ' 0 0$'
}

# in_memory: the loop devices of snapshots, and what stands on them
in_memory() {
    local node
    losetup -nO NAME,BACK-FILE | awk '$2 ~ "^/run/asl/cow/" { print $1 }' | while read -r node; do
        lsblk -nro PATH "$node"
    done
}

# seal NODE: a LUKS container that $LAB/key opens
seal() {
    printf s3cr3t-w0rd >$LAB/key
    cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "$1" $LAB/key
    cryptsetup luksUUID "$1"
}

# nfs_serve CLIENT: an NFS 4 server with a store at /asl, without its daemons: what they would say of
# the client, of the root and of its handle is told to the kernel beforehand
nfs_serve() {
    local rpc=/proc/net/rpc nfsd=/proc/fs/nfsd until
    modprobe nfsd
    mountpoint -q $nfsd || mount -t nfsd nfsd $nfsd
    mkdir -p $LAB/nfs/asl /var/lib/nfs/v4recovery
    fill $LAB/nfs/asl 1 ""
    until=$(($(date +%s) + 3600))
    echo "nfsd $1 $until lab" >$rpc/auth.unix.ip/channel
    # NFSEXP_READONLY, NFSEXP_NOSUBTREECHECK and NFSEXP_FSID: number 0 is the root
    echo "lab $LAB/nfs $until $((0x1 | 0x400 | 0x2000)) 65534 65534 0" >$rpc/nfsd.export/channel
    printf 'lab 1 \\x00000000 %s %s\n' "$until" $LAB/nfs >$rpc/nfsd.fh/channel
    echo '-2 -3 +4' >$nfsd/versions
    echo 'tcp 2049' >$nfsd/portlist
    echo 2 >$nfsd/threads
    # No client of an earlier boot is waited for.
    echo Y >$nfsd/v4_end_grace
}

nfs_stop() {
    [ ! -e /proc/fs/nfsd/threads ] || echo 0 >/proc/fs/nfsd/threads
}

# smb_serve: the kernel's SMB 3 server with a store at its share asl, which anybody may read, and
# keeper by the password in $LAB/key
smb_serve() {
    mkdir -p $LAB/smb
    fill $LAB/smb 1 ""
    printf '%s\n' '[global]' 'map to guest = bad user' \
        '[asl]' "path = $LAB/smb" 'guest ok = yes' 'read only = yes' 'force user = root' \
        'force group = root' >$LAB/ksmbd.conf
    printf s3cr3t-w0rd >$LAB/key
    modprobe ksmbd
    ksmbd adduser -C $LAB/ksmbd.conf -P $LAB/ksmbd.db -p "$(<$LAB/key)" keeper
    ksmbd mountd -C $LAB/ksmbd.conf -P $LAB/ksmbd.db </dev/null >/dev/null 2>&1
}

# ksmbd TOOL ARGS: the server's tools are one program, and not this system's
ksmbd() (
    export LD_LIBRARY_PATH=$LAB
    exec -a "ksmbd.$1" $LAB/ksmbd.tools "${@:2}"
)

smb_stop() {
    [ -e $LAB/ksmbd.conf ] || return 0
    ksmbd control --shutdown
    rm $LAB/ksmbd.conf
}

# ssh_serve: a store that root's own key opens, and a server that root knows
ssh_serve() {
    mkdir -p $LAB/ssh /root/.ssh
    fill $LAB/ssh 1 ""
    ssh-keygen -q -t ed25519 -N "" -f /root/.ssh/id_ed25519
    cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
    ssh-keyscan -q 127.0.0.1 >/root/.ssh/known_hosts
}

# as_host ID NAME: what a pool remembers of the host that uses it; 0 is none
as_host() {
    modprobe zfs
    echo "$1" >/sys/module/spl/parameters/spl_hostid
    hostname "$2"
}

# zpool_on NAME OPTIONS DEVICES DATASET STORE-ID DIR END FILE NODE...: a pool with a store in a dataset
# of it, `.` for that of the pool itself. END is `export`, or `crash` for what a power cut leaves:
# files that were copied while it was in use.
zpool_on() {
    local name=$1 options=$2 devices=$3 dataset=$4 store=$5 dir=$6 end=$7 place file i
    shift 7
    modprobe zfs
    # shellcheck disable=SC2086 # words are wanted
    zpool create -f -R $LAB/zfs $options "$name" $devices
    [ "$dataset" = . ] || zfs create -p "$name/$dataset"
    place=$LAB/zfs/$name/$dataset/$dir
    mkdir -p "$place"
    fill "$place" 1 "$store"
    if [ "$end" = crash ]; then
        # Durable, and until the next transaction group, which is far, in the intent log alone: the
        # first file made that log, in a group of its own.
        echo 600 >/sys/module/zfs/parameters/zfs_txg_timeout
        zpool sync "$name"
        for file in early late; do
            dd if=/dev/zero of="$place/blocks/$file" bs=4096 count=3 conv=fsync status=none
        done
        for ((i = 1; i <= $#; i += 2)); do cp --sparse=always "${!i}" "${!i}.cut"; done
        echo 5 >/sys/module/zfs/parameters/zfs_txg_timeout
    fi
    zpool export "$name"
    [ "$end" = crash ] || return 0
    while [ $# -gt 0 ]; do
        losetup --detach "$2"
        mv "$1.cut" "$1"
        losetup --partscan "$2" "$1"
        shift 2
    done
    udevadm settle
}

# zpools_out: pools that a failed situation left
zpools_out() {
    [ -e /sys/module/zfs ] || return 0
    zpool list -Ho name | while read -r name; do zpool export -f "$name"; done
    as_host 0 "$(</etc/hostname)"
}

# state: the mode file, the mount, the units and intake's own status, in sections
state() {
    echo "== mode"
    cat /run/asl/mode || true
    echo "== mount"
    findmnt -no SOURCE,OPTIONS /mnt/asl/local || true
    ls /mnt/asl/local
    echo "== units"
    systemctl show -p Id -p ActiveState -p SubState -p CPUUsageNSec \
        -p ExecMainStartTimestampMonotonic -p ExecMainExitTimestampMonotonic \
        asl-preflight.service asl-activate.service asl-intake.service
    echo "== status"
    if systemctl is-active --quiet asl-intake.service; then
        varlinkctl --json=short call /run/asl/sockets/intake.sock \
            internal.asl.Intake1.Status '{}' || true
    fi
}

# clean FILE NODE...: prints the fingerprints, and takes the loop devices, a changed asl.conf and the
# operator's choices away
clean() {
    local name
    systemctl stop asl-watch.service asl-intake.service asl-activate.service
    for name in $(dmsetup ls 2>&1 | awk '/^lab-/ { print $1 }'); do
        # Whoever waits for a suspended one is let go first.
        dmsetup resume "$name"
        dmsetup remove --retry "$name"
    done
    zpools_out
    while [ $# -gt 0 ]; do
        fingerprint "$1" "$2"
        losetup --detach "$2"
        shift 2
    done
    nfs_stop
    smb_stop
    rm -rf /root/.ssh
    rm -f $LAB/disk/* /var/lib/asl/runtime/session.conf
    cmp -s $LAB/asl.conf $CONF || cp $LAB/asl.conf $CONF
}
