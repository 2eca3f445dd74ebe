/* The bytes of a token's file: big-endian numbers, every length checked against a bound, a digest at the end.
 *
 * The digest finds damage; it protects nobody from a person who may write the file (docs/vukey.md). */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "vukey.h"

static const uint8_t MAGIC[8] = "LCUKEY\0\1";

struct reader { const uint8_t *next, *end; bool failed; };
struct writer { uint8_t *next, *end; };

static const uint8_t *take(struct reader *reader, size_t size)
{
    static const uint8_t zeros[MAX_TEXT * 2];
    if (reader->failed || (size_t)(reader->end - reader->next) < size) {
        reader->failed = true;
        return zeros; /* long enough for every fixed field; values are checked before they are taken */
    }
    reader->next += size;
    return reader->next - size;
}

static uint64_t number(struct reader *reader, size_t size)
{
    const uint8_t *bytes = take(reader, size);
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

static uint64_t bounded(struct reader *reader, size_t size, uint64_t low, uint64_t high)
{
    uint64_t value = number(reader, size);
    if (value < low || value > high)
        reader->failed = true;
    return reader->failed ? low : value;
}

static void copy(struct reader *reader, uint8_t *field, size_t size)
{
    memcpy(field, take(reader, size), size);
}

static void read_text(struct reader *reader, struct text *text)
{
    text->size = (uint8_t)bounded(reader, 1, 0, MAX_TEXT);
    copy(reader, text->bytes, text->size);
}

static void read_pin(struct reader *reader, struct pin *pin, uint64_t tries)
{
    pin->set = (uint8_t)bounded(reader, 1, 0, 1);
    pin->must_change = (uint8_t)bounded(reader, 1, 0, 1);
    pin->tries = (uint8_t)bounded(reader, 1, 0, tries);
    copy(reader, pin->salt, SALT_SIZE);
    copy(reader, pin->wrapped, WRAPPED_SIZE);
}

static void read_object(struct reader *reader, struct object *object, uint32_t next_handle)
{
    object->handle = (uint32_t)bounded(reader, 4, 1, next_handle - 1);
    object->class = (uint32_t)bounded(reader, 1, CKO_DATA, CKO_PRIVATE_KEY);
    object->always_authenticate = (uint8_t)bounded(reader, 1, 0, 1);
    read_text(reader, &object->id);
    read_text(reader, &object->label);
    read_text(reader, &object->application);
    bool key = object->class >= CKO_PUBLIC_KEY;
    if (key)
        copy(reader, object->point, POINT_SIZE);
    uint32_t exact = object->class == CKO_PRIVATE_KEY ? WRAPPED_SIZE : 0;
    uint32_t size = (uint32_t)bounded(reader, 4, key ? exact : 0, key ? exact : MAX_VALUE);
    if (reader->failed || (size_t)(reader->end - reader->next) < size) {
        reader->failed = true;
        return;
    }
    if (size && !(object->value = malloc(size))) {
        reader->failed = true;
        return;
    }
    object->size = size;
    if (size)
        copy(reader, object->value, size);
}

static bool digest_of(const uint8_t *bytes, size_t size, uint8_t digest[DIGEST_SIZE])
{
    unsigned length = DIGEST_SIZE;
    return EVP_Digest(bytes, size, digest, &length, EVP_sha256(), NULL) == 1;
}

uint64_t image_generation(const uint8_t *head, size_t size)
{
    struct reader reader = {head, head + size, false};
    bool ours = size >= sizeof MAGIC + 8 && memcmp(take(&reader, sizeof MAGIC), MAGIC, sizeof MAGIC) == 0;
    return ours ? number(&reader, 8) : 0;
}

/* `image` is zeroed before. On false it may hold values: clear it. */
bool image_parse(struct image *image, const uint8_t *bytes, size_t size)
{
    uint8_t digest[DIGEST_SIZE];
    if (size == 0)
        return true; /* a blank token */
    if (size < sizeof MAGIC + DIGEST_SIZE || memcmp(bytes, MAGIC, sizeof MAGIC) != 0 ||
        !digest_of(bytes, size - DIGEST_SIZE, digest) ||
        CRYPTO_memcmp(digest, bytes + size - DIGEST_SIZE, DIGEST_SIZE) != 0)
        return false;
    struct reader reader = {bytes + sizeof MAGIC, bytes + size - DIGEST_SIZE, false};
    image->generation = number(&reader, 8);
    image->initialized = 1;
    image->cost = (uint8_t)bounded(&reader, 1, MIN_COST, MAX_COST);
    copy(&reader, image->serial, SERIAL_SIZE);
    copy(&reader, image->label, sizeof image->label);
    copy(&reader, image->epoch, EPOCH_SIZE);
    read_pin(&reader, &image->user, USER_TRIES);
    read_pin(&reader, &image->so, SO_TRIES);
    image->next_handle = (uint32_t)bounded(&reader, 4, 1, UINT32_MAX);
    uint32_t count = (uint32_t)bounded(&reader, 1, 0, MAX_OBJECTS);
    for (uint32_t i = 0; i < count && !reader.failed; i++) {
        image->count = i + 1; /* so that clearing frees this one too */
        read_object(&reader, &image->objects[i], image->next_handle);
        for (uint32_t other = 0; other < i; other++)
            reader.failed |= image->objects[other].handle == image->objects[i].handle;
    }
    return !reader.failed && reader.next == reader.end;
}

static void put(struct writer *writer, const void *bytes, size_t size)
{
    if ((size_t)(writer->end - writer->next) < size)
        abort(); /* the caller added the sizes up */
    if (size)
        memcpy(writer->next, bytes, size);
    writer->next += size;
}

static void put_number(struct writer *writer, uint64_t value, size_t size)
{
    for (size_t i = size; i-- > 0;) {
        uint8_t byte = (uint8_t)(value >> (8 * i));
        put(writer, &byte, 1);
    }
}

static void put_text(struct writer *writer, const struct text *text)
{
    put_number(writer, text->size, 1);
    put(writer, text->bytes, text->size);
}

static void put_pin(struct writer *writer, const struct pin *pin)
{
    put_number(writer, pin->set, 1);
    put_number(writer, pin->must_change, 1);
    put_number(writer, pin->tries, 1);
    put(writer, pin->salt, SALT_SIZE);
    put(writer, pin->wrapped, WRAPPED_SIZE);
}

static void put_object(struct writer *writer, const struct object *object)
{
    put_number(writer, object->handle, 4);
    put_number(writer, object->class, 1);
    put_number(writer, object->always_authenticate, 1);
    put_text(writer, &object->id);
    put_text(writer, &object->label);
    put_text(writer, &object->application);
    if (object->class >= CKO_PUBLIC_KEY)
        put(writer, object->point, POINT_SIZE);
    put_number(writer, object->size, 4);
    put(writer, object->value, object->size);
}

/* The bytes, to be freed by the caller; NULL when they would be more than MAX_FILE. */
uint8_t *image_write(const struct image *image, size_t *size)
{
    size_t room = sizeof(struct image) + DIGEST_SIZE;
    for (uint32_t i = 0; i < image->count; i++)
        room += image->objects[i].size;
    uint8_t *bytes = malloc(room);
    if (!bytes)
        return NULL;
    struct writer writer = {bytes, bytes + room};
    put(&writer, MAGIC, sizeof MAGIC);
    put_number(&writer, image->generation, 8);
    put_number(&writer, image->cost, 1);
    put(&writer, image->serial, SERIAL_SIZE);
    put(&writer, image->label, sizeof image->label);
    put(&writer, image->epoch, EPOCH_SIZE);
    put_pin(&writer, &image->user);
    put_pin(&writer, &image->so);
    put_number(&writer, image->next_handle, 4);
    put_number(&writer, image->count, 1);
    for (uint32_t i = 0; i < image->count; i++)
        put_object(&writer, &image->objects[i]);
    uint8_t digest[DIGEST_SIZE];
    *size = (size_t)(writer.next - bytes) + DIGEST_SIZE;
    if (*size > MAX_FILE || !digest_of(bytes, *size - DIGEST_SIZE, digest)) {
        free(bytes);
        return NULL;
    }
    put(&writer, digest, DIGEST_SIZE);
    return bytes;
}
