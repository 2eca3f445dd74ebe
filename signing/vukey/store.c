/* A token is one file: NAME.ukey in the folder. NAME.unplugged beside it says that it is not plugged in.
 *
 * Written whole: NAME.new, fsync, rename, fsync of the folder. A reader sees the former or the next content, and a
 * killed writer leaves the former. Writers of several processes take turns with a lock on NAME.lock. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vukey.h"

enum { LOCK_WAIT_MS = 20000, LOCK_STEP_MS = 5, MAX_PATH = 4096 };

static bool path_of(const struct token *token, const char *ending, char path[MAX_PATH])
{
    int size = snprintf(path, MAX_PATH, "%s/%s%s", store_folder(), token->name, ending);
    return size > 0 && size < MAX_PATH;
}

bool store_present(const struct token *token)
{
    char file[MAX_PATH], marker[MAX_PATH];
    struct stat facts;
    return path_of(token, ".ukey", file) && path_of(token, ".unplugged", marker) && stat(file, &facts) == 0 &&
           S_ISREG(facts.st_mode) && access(marker, F_OK) != 0;
}

struct object *image_find(struct image *image, CK_OBJECT_HANDLE handle)
{
    for (uint32_t i = 0; i < image->count; i++)
        if (image->objects[i].handle == handle)
            return &image->objects[i];
    return NULL;
}

void object_clear(struct object *object)
{
    EVP_MD_CTX_free(object->prepared);
    free(object->value);
    OPENSSL_cleanse(object, sizeof *object);
}

void image_clear(struct image *image)
{
    for (uint32_t i = 0; i < image->count; i++)
        object_clear(&image->objects[i]);
    OPENSSL_cleanse(image, sizeof *image);
}

static bool read_whole(int descriptor, uint8_t *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t part = read(descriptor, bytes + done, size - done);
        if (part < 0 && errno == EINTR)
            continue;
        if (part <= 0)
            return false;
        done += (size_t)part;
    }
    return true;
}

static bool write_whole(int descriptor, const uint8_t *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t part = write(descriptor, bytes + done, size - done);
        if (part < 0 && errno == EINTR)
            continue;
        if (part <= 0)
            return false;
        done += (size_t)part;
    }
    return true;
}

/* Prepared keys stay: who signs ten times does not unwrap ten times because a counter changed. */
static void adopt(struct token *token, struct image *fresh)
{
    bool same = memcmp(token->image.epoch, fresh->epoch, EPOCH_SIZE) == 0;
    for (uint32_t i = 0; same && i < fresh->count; i++) {
        struct object *old = image_find(&token->image, fresh->objects[i].handle);
        if (old && memcmp(old->point, fresh->objects[i].point, POINT_SIZE) == 0) {
            fresh->objects[i].prepared = old->prepared;
            old->prepared = NULL;
        }
    }
    if (!same)
        log_out(token);
    image_clear(&token->image);
    token->image = *fresh;
}

static CK_RV load(struct token *token, int descriptor, const struct stat *facts)
{
    struct image fresh;
    memset(&fresh, 0, sizeof fresh);
    if (!S_ISREG(facts->st_mode) || facts->st_size > MAX_FILE)
        return CKR_TOKEN_NOT_RECOGNIZED;
    size_t size = (size_t)facts->st_size;
    uint8_t *bytes = malloc(size + 1);
    if (!bytes)
        return CKR_HOST_MEMORY;
    bool read = lseek(descriptor, 0, SEEK_SET) == 0 && read_whole(descriptor, bytes, size) &&
                image_parse(&fresh, bytes, size);
    free(bytes);
    if (!read) {
        image_clear(&fresh);
        return CKR_TOKEN_NOT_RECOGNIZED;
    }
    adopt(token, &fresh);
    token->loaded = true;
    token->inode = facts->st_ino;
    token->changed = facts->st_mtim;
    return CKR_OK;
}

static bool unchanged(const struct token *token, int descriptor, const struct stat *facts)
{
    uint8_t head[16];
    ssize_t size = read(descriptor, head, sizeof head); /* inode numbers and coarse times come again */
    return token->loaded && token->inode == facts->st_ino && size >= 0 &&
           token->changed.tv_sec == facts->st_mtim.tv_sec && token->changed.tv_nsec == facts->st_mtim.tv_nsec &&
           image_generation(head, (size_t)size) == token->image.generation;
}

CK_RV store_refresh(struct token *token)
{
    char path[MAX_PATH];
    struct stat facts;
    if (!store_present(token) || !path_of(token, ".ukey", path))
        return CKR_TOKEN_NOT_PRESENT;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0)
        return errno == ENOENT ? CKR_TOKEN_NOT_PRESENT : CKR_DEVICE_ERROR;
    CK_RV result = CKR_OK;
    if (fstat(descriptor, &facts) != 0)
        result = CKR_DEVICE_ERROR;
    else if (!unchanged(token, descriptor, &facts))
        result = load(token, descriptor, &facts);
    close(descriptor);
    return result;
}

static CK_RV lock_file(struct token *token)
{
    char path[MAX_PATH];
    if (!path_of(token, ".lock", path))
        return CKR_DEVICE_ERROR;
    token->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (token->lock < 0)
        return CKR_DEVICE_ERROR;
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    const struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};
    for (int waited = 0; fcntl(token->lock, F_SETLK, &whole) != 0; waited += LOCK_STEP_MS) {
        if ((errno != EACCES && errno != EAGAIN && errno != EINTR) || waited >= LOCK_WAIT_MS) {
            store_end(token, true);
            return CKR_FUNCTION_FAILED; /* another process holds it for too long */
        }
        nanosleep(&step, NULL);
    }
    return CKR_OK;
}

CK_RV store_begin(struct token *token)
{
    CK_RV result = lock_file(token);
    if (result != CKR_OK)
        return result;
    result = store_refresh(token);
    if (result != CKR_OK)
        store_end(token, true);
    return result;
}

/* For who brings something that fits only this token: a data key, the knowledge of a PIN. */
CK_RV store_begin_same(struct token *token)
{
    uint8_t epoch[EPOCH_SIZE];
    memcpy(epoch, token->image.epoch, EPOCH_SIZE);
    CK_RV result = store_begin(token);
    if (result == CKR_OK && memcmp(epoch, token->image.epoch, EPOCH_SIZE) != 0) {
        store_end(token, true);
        return CKR_DEVICE_REMOVED;
    }
    return result;
}

static bool sync_folder(void)
{
    int folder = open(store_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = folder >= 0 && fsync(folder) == 0;
    if (folder >= 0)
        close(folder);
    return done;
}

static bool replace_file(struct token *token, const uint8_t *bytes, size_t size)
{
    char fresh[MAX_PATH], path[MAX_PATH];
    struct stat facts;
    if (!path_of(token, ".new", fresh) || !path_of(token, ".ukey", path))
        return false;
    int descriptor = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0)
        return false;
    bool done = fchmod(descriptor, 0600) == 0 && write_whole(descriptor, bytes, size) &&
                fsync(descriptor) == 0 && fstat(descriptor, &facts) == 0;
    done = close(descriptor) == 0 && done;
    /* A token that was pulled out in between must not come back by itself. */
    if (!done || !store_present(token) || rename(fresh, path) != 0) {
        unlink(fresh);
        return false;
    }
    token->inode = facts.st_ino;
    token->changed = facts.st_mtim;
    return sync_folder();
}

CK_RV store_commit(struct token *token)
{
    size_t size;
    token->image.generation++;
    uint8_t *bytes = image_write(&token->image, &size);
    if (!bytes)
        return CKR_DEVICE_MEMORY;
    bool done = replace_file(token, bytes, size);
    free(bytes); /* holds no plain key */
    if (done)
        return CKR_OK;
    return store_present(token) ? CKR_DEVICE_ERROR : CKR_TOKEN_NOT_PRESENT;
}

/* `keep` false: what was changed in memory did not reach the file, so the file is read again. */
void store_end(struct token *token, bool keep)
{
    if (token->lock >= 0)
        close(token->lock); /* gives the lock back */
    token->lock = -1;
    if (!keep)
        token->loaded = false;
}
