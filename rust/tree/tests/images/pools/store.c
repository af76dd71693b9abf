/*
 * Step store=DATASET of pool.c in the probe's tests, which includes this: a
 * file system of the pool with a store in it, written through the library's
 * DMU, since libzpool has no ZPL. Just what a reader needs: a master node,
 * directories, regular files with mode and size as the first system
 * attributes.
 */
typedef struct objset objset_t;
typedef struct dmu_tx dmu_tx_t;
typedef struct dmu_buf { uint64_t object, offset, size; void *data; } dmu_buf_t;
enum { DMU_OST_ZFS = 2, DMU_OT_PLAIN_FILE = 19, DMU_OT_DIRECTORY = 20,
    DMU_OT_MASTER_NODE = 21, DMU_OT_SA = 44, WAIT = 1, MASTER_NODE = 1, SA_LEN = 168 };
int dmu_objset_create(const char *, int, uint64_t, void *,
    void (*)(objset_t *, void *, void *, dmu_tx_t *), void *);
int zap_create_claim(objset_t *, uint64_t, int, int, int, dmu_tx_t *);
uint64_t zap_create(objset_t *, int, int, int, dmu_tx_t *);
int zap_add(objset_t *, uint64_t, const char *, int, uint64_t, const void *, dmu_tx_t *);
uint64_t dmu_object_alloc(objset_t *, int, int, int, int, dmu_tx_t *);
void dmu_write(objset_t *, uint64_t, uint64_t, uint64_t, const void *, dmu_tx_t *);
int dmu_bonus_hold(objset_t *, uint64_t, const void *, dmu_buf_t **);
void dmu_buf_will_dirty(dmu_buf_t *, dmu_tx_t *);
void dmu_buf_rele(dmu_buf_t *, const void *);

/* The header, its size in units of 8 bytes above the layout's number 2. */
static void attributes(objset_t *os, uint64_t object, uint64_t mode, uint64_t size, dmu_tx_t *tx)
{
	dmu_buf_t *bonus;
	check(dmu_bonus_hold(os, object, "store", &bonus), "bonus");
	dmu_buf_will_dirty(bonus, tx);
	memset(bonus->data, 0, bonus->size);
	memcpy(bonus->data, (uint32_t[]){0x2f505a, 1 << 10 | 2}, 8);
	memcpy((char *)bonus->data + 8, (uint64_t[]){mode, size}, 16);
	dmu_buf_rele(bonus, "store");
}

static uint64_t directory(objset_t *os, uint64_t parent, const char *name, dmu_tx_t *tx)
{
	uint64_t object = zap_create(os, DMU_OT_DIRECTORY, DMU_OT_SA, SA_LEN, tx);
	uint64_t entry = 4ULL << 60 | object;
	attributes(os, object, 040755, 2, tx);
	if (parent != 0)
		check(zap_add(os, parent, name, 8, 1, &entry, tx), name);
	return object;
}

static void regular(objset_t *os, uint64_t parent, const char *name, const char *text, dmu_tx_t *tx)
{
	uint64_t object = dmu_object_alloc(os, DMU_OT_PLAIN_FILE, 512, DMU_OT_SA, SA_LEN, tx);
	uint64_t entry = 8ULL << 60 | object;
	attributes(os, object, 0100644, strlen(text), tx);
	dmu_write(os, object, 0, strlen(text), text, tx);
	check(zap_add(os, parent, name, 8, 1, &entry, tx), name);
}

static void fill(objset_t *os, void *place, void *cred, dmu_tx_t *tx)
{
	static const char *parts[] = {"blocks", "segments", "snapshots", "logs"};
	check(zap_create_claim(os, MASTER_NODE, DMU_OT_MASTER_NODE, 0, 0, tx), "master node");
	uint64_t version = 5, root = directory(os, 0, "/", tx), store = root;
	check(zap_add(os, MASTER_NODE, "VERSION", 8, 1, &version, tx), "VERSION");
	check(zap_add(os, MASTER_NODE, "ROOT", 8, 1, &root, tx), "ROOT");
	/* Enough names for a directory of more than one block. */
	for (int i = 0; i < 400; i++) {
		char name[32];
		snprintf(name, sizeof (name), "file-%d-of-many", i);
		regular(os, root, name, "", tx);
	}
	if (place != NULL)
		store = directory(os, root, place, tx);
	for (int i = 0; i < 4; i++)
		directory(os, store, parts[i], tx);
	regular(os, directory(os, store, "meta", tx), "store.toml",
	    "format = \"asl-store\"\nversion = 1\n"
	    "uuid = \"0f0e0d0c-0b0a-4908-8706-050403020100\"\n", tx);
}
