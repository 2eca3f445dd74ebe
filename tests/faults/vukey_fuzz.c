/* Throws bytes and calls at the virtual UKey; compiled together with it, under sanitizers.
 *
 *   vukey_fuzz FOLDER SEED ROUNDS format|calls|threads
 *
 * format: files that were changed at random (most with a right digest) are parsed; what parses is written and
 * parsed again and must be the same. calls: random calls with random handles, templates, sizes and PINs, while the
 * file is changed, pulled out and made anew underneath. threads: four of those at once, without the changes. */
#include <dirent.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vukey.h"

static __thread uint64_t state;

static uint32_t dice(uint32_t sides)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (uint32_t)(state >> 20) % sides;
}

static void fail(const char *what)
{
    fprintf(stderr, "FAILED: %s\n", what);
    abort();
}

#define CHECK(what) ((what) ? (void)0 : fail(#what))

static char file_path[4096], mark_path[4096], new_path[4096];
static CK_UTF8CHAR PIN[32] = "135790", SO_PIN[32] = "officer-0123"; /* longer than any size that is given */
static CK_UTF8CHAR LABEL[32] = "fuzz                           ";

static size_t read_file(uint8_t *bytes, size_t room)
{
    FILE *file = fopen(file_path, "rb");
    size_t size = file ? fread(bytes, 1, room, file) : 0;
    if (file)
        fclose(file);
    return size;
}

static void write_file(const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(new_path, "wb");
    CHECK(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0 && rename(new_path, file_path) == 0);
}

static void seal_up(uint8_t *bytes, size_t size)
{
    unsigned length;
    if (size >= DIGEST_SIZE)
        EVP_Digest(bytes, size - DIGEST_SIZE, bytes + size - DIGEST_SIZE, &length, EVP_sha256(), NULL);
}

static size_t mutate(uint8_t *bytes, size_t size, size_t room)
{
    static const uint8_t ODD[] = {0, 1, 2, 3, 4, 63, 64, 65, 127, 128, 254, 255};
    for (uint32_t turns = 1 + dice(6); turns-- > 0 && size > 0;) {
        uint32_t at = dice((uint32_t)size), many = dice(40);
        switch (dice(6)) {
        case 0:
            bytes[at] ^= (uint8_t)(1 << dice(8));
            break;
        case 1:
            bytes[at] = ODD[dice(sizeof ODD)];
            break;
        case 2: /* cut out */
            if (many > size - at)
                many = (uint32_t)(size - at);
            memmove(bytes + at, bytes + at + many, size - at - many);
            size -= many;
            break;
        case 3: /* put in */
            if (size + many <= room) {
                memmove(bytes + at + many, bytes + at, size - at);
                size += many;
            }
            break;
        case 4:
            size = dice(8) ? size : at;
            break;
        default: /* the same again, somewhere else */
            if (many <= size - at)
                memmove(bytes + dice((uint32_t)(size - many + 1)), bytes + at, many);
        }
    }
    if (dice(10))
        seal_up(bytes, size);
    return size;
}

static void parse_once(const uint8_t *bytes, size_t size)
{
    struct image *image = calloc(1, sizeof *image), *again = calloc(1, sizeof *again);
    uint8_t *exact = malloc(size + !size); /* so that a read beyond the end is seen */
    memcpy(exact, bytes, size);
    if (image_parse(image, exact, size) && size > 0) {
        size_t written, twice;
        uint8_t *first = image_write(image, &written);
        CHECK(first && written == size && memcmp(first, exact, size) == 0);
        CHECK(image_parse(again, first, written));
        uint8_t *second = image_write(again, &twice);
        CHECK(second && twice == written && memcmp(first, second, twice) == 0);
        free(first), free(second);
    }
    image_generation(exact, size < 16 ? size : 16);
    image_clear(image), image_clear(again);
    free(image), free(again), free(exact);
}

static void fuzz_format(long rounds)
{
    enum { ROOM = 1 << 16 };
    static uint8_t whole[ROOM], bytes[ROOM];
    size_t size = read_file(whole, ROOM / 2);
    CHECK(size > 500);
    parse_once(whole, size);
    for (long i = 0; i < rounds; i++) {
        memcpy(bytes, whole, size);
        parse_once(bytes, mutate(bytes, size, ROOM));
    }
}

/* --- calls --- */

static CK_SLOT_ID slot;

static CK_ULONG some_handle(void) { return dice(8) ? 1 + dice(12) : dice(3) ? dice(300) : ~0UL; }

static CK_ULONG some_session(CK_SESSION_HANDLE sessions[4]) { return dice(20) ? sessions[dice(4)] : some_handle(); }

static CK_ULONG fill_template(CK_ATTRIBUTE *attributes, CK_ULONG room, uint8_t *bytes)
{
    static const CK_ATTRIBUTE_TYPE TYPES[] = {
        CKA_CLASS, CKA_TOKEN, CKA_PRIVATE, CKA_LABEL, CKA_APPLICATION, CKA_VALUE, CKA_CERTIFICATE_TYPE, CKA_ID,
        CKA_KEY_TYPE, CKA_SIGN, CKA_VERIFY, CKA_EC_PARAMS, CKA_EC_POINT, CKA_ALWAYS_AUTHENTICATE, CKA_EXTRACTABLE,
        CKA_SUBJECT, CKA_ISSUER, CKA_SERIAL_NUMBER, CKA_CERTIFICATE_CATEGORY, 0x12345};
    CK_ULONG count = dice((uint32_t)room + 1);
    for (CK_ULONG i = 0; i < count; i++) {
        uint8_t *value = bytes + 256 * i;
        attributes[i].type = TYPES[dice(sizeof TYPES / sizeof *TYPES)];
        attributes[i].pValue = dice(12) ? value : NULL;
        attributes[i].ulValueLen = dice(3) ? dice(70) : dice(2) ? 1 : sizeof(CK_ULONG);
        memset(value, 0, 16);
        value[0] = (uint8_t)dice(5);
        if (dice(20) == 0)
            attributes[i].ulValueLen = 0;
    }
    if (count && dice(3)) {
        attributes[0].type = CKA_CLASS;
        attributes[0].pValue = bytes;
        attributes[0].ulValueLen = sizeof(CK_ULONG);
    }
    return count;
}

static void some_object_call(CK_SESSION_HANDLE session)
{
    static __thread uint8_t values[12 * 256];
    CK_ATTRIBUTE first[12], second[12];
    CK_OBJECT_HANDLE made, other, list[20];
    CK_MECHANISM mechanism = {dice(6) ? CKM_VENDOR_SM2_KEY_PAIR_GEN : dice(3) ? 1 : CKM_VENDOR_SM2_SM3, NULL, dice(9) == 0};
    CK_ULONG count = fill_template(first, dice(2) ? 4 : 12, values), found;
    switch (dice(7)) {
    case 0:
        C_CreateObject(session, first, count, dice(30) ? &made : NULL);
        break;
    case 1:
        C_DestroyObject(session, some_handle());
        break;
    case 2:
        C_GetAttributeValue(session, some_handle(), first, count);
        break;
    case 3:
        C_SetAttributeValue(session, some_handle(), first, count);
        break;
    case 4:
        C_FindObjectsInit(session, first, dice(3) ? 0 : count);
        C_FindObjects(session, list, dice(20), &found);
        if (dice(4))
            C_FindObjectsFinal(session);
        break;
    case 5:
        C_GenerateKeyPair(session, &mechanism, NULL, 0, first, dice(2) ? 0 : count, &made, &other);
        break;
    default:
        memcpy(second, first, sizeof second);
        C_GenerateKeyPair(session, &mechanism, first, count, second, count, &made, &other);
    }
}

static void some_signing(CK_SESSION_HANDLE session)
{
    uint8_t data[64] = {0}, signature[64];
    CK_ULONG length = dice(5) ? 64 : dice(65), size = dice(2) ? 32 : dice(65);
    CK_MECHANISM mechanism = {dice(2) ? CKM_VENDOR_SM2_SM3 : CKM_VENDOR_SM2_RAW, NULL, 0};
    C_SignInit(session, dice(40) ? &mechanism : NULL, some_handle());
    if (dice(2))
        C_Login(session, CKU_CONTEXT_SPECIFIC, PIN, dice(9) ? 6 : dice(20));
    for (uint32_t parts = dice(3); parts-- > 0;)
        C_SignUpdate(session, data, dice(40));
    if (dice(2))
        C_SignFinal(session, dice(9) ? signature : NULL, &length);
    else
        C_Sign(session, data, size, dice(9) ? signature : NULL, dice(30) ? &length : NULL);
}

static void some_call(CK_SESSION_HANDLE sessions[4])
{
    CK_SESSION_HANDLE session = some_session(sessions);
    CK_SESSION_INFO session_info;
    CK_TOKEN_INFO token_info;
    CK_SLOT_INFO slot_info;
    CK_SLOT_ID slots[4];
    CK_ULONG count = dice(5);
    uint8_t random[40];
    switch (dice(16)) {
    case 0:
        C_OpenSession(slot, CKF_SERIAL_SESSION | (dice(3) ? CKF_RW_SESSION : 0), NULL, NULL, &sessions[dice(4)]);
        break;
    case 1:
        if (dice(3) == 0)
            C_CloseSession(session);
        break;
    case 2:
        C_Login(session, dice(5) ? CKU_USER : dice(4), PIN, 6);
        break;
    case 3:
        C_Login(session, CKU_SO, SO_PIN, 12);
        C_InitPIN(session, PIN, 6);
        break;
    case 4:
        C_Logout(session);
        break;
    case 5:
        C_SetPIN(session, PIN, 6, SO_PIN, dice(20) % 13);
        C_SetPIN(session, SO_PIN, 12, PIN, 6);
        break;
    case 6:
        C_GetSessionInfo(session, &session_info);
        C_GetTokenInfo(slot, &token_info);
        C_GetSlotInfo(slot, &slot_info);
        break;
    case 7:
        C_GetSlotList(CK_TRUE, dice(2) ? slots : NULL, &count);
        break;
    case 8:
        C_GenerateRandom(session, random, dice(41));
        break;
    case 9:
    case 10:
    case 11:
        some_signing(session);
        break;
    default:
        some_object_call(session);
    }
}

/* A new token in place of a broken or locked one. */
static void make(void)
{
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE handle, other;
    CK_ULONG count;
    CK_MECHANISM mechanism = {CKM_VENDOR_SM2_KEY_PAIR_GEN, NULL, 0};
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE each_time = {CKA_ALWAYS_AUTHENTICATE, &yes, 1};
    CK_OBJECT_CLASS data = CKO_DATA;
    CK_ATTRIBUTE seal[] = {{CKA_CLASS, &data, sizeof data}, {CKA_VALUE, "a seal", 6}, {CKA_LABEL, "SESeal", 6}};
    unlink(mark_path);
    C_CloseAllSessions(slot);
    write_file((const uint8_t *)"", 0);
    CHECK(C_GetSlotList(CK_TRUE, NULL, &count) == CKR_OK && count == 1);
    CHECK(C_InitToken(slot, SO_PIN, 12, LABEL) == CKR_OK);
    CHECK(C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) == CKR_OK);
    CHECK(C_Login(session, CKU_SO, SO_PIN, 12) == CKR_OK && C_InitPIN(session, SO_PIN, 12) == CKR_OK);
    CHECK(C_Logout(session) == CKR_OK && C_SetPIN(session, SO_PIN, 12, PIN, 6) == CKR_OK);
    CHECK(C_Login(session, CKU_USER, PIN, 6) == CKR_OK);
    CHECK(C_GenerateKeyPair(session, &mechanism, NULL, 0, NULL, 0, &handle, &other) == CKR_OK);
    CHECK(C_GenerateKeyPair(session, &mechanism, NULL, 0, &each_time, 1, &handle, &other) == CKR_OK);
    CHECK(C_CreateObject(session, seal, 3, &handle) == CKR_OK);
    CHECK(C_CloseSession(session) == CKR_OK);
}

static void something_from_outside(void)
{
    enum { ROOM = 1 << 17 };
    static uint8_t bytes[ROOM];
    FILE *mark;
    switch (dice(5)) {
    case 0:
        if ((mark = fopen(mark_path, "wb")))
            fclose(mark);
        break;
    case 1:
        unlink(mark_path);
        break;
    case 2:
        unlink(file_path);
        break;
    case 3:
        write_file(bytes, mutate(bytes, read_file(bytes, ROOM / 2), ROOM));
        break;
    default:
        make();
    }
}

static void fuzz_calls(long rounds, bool alone)
{
    CK_SESSION_HANDLE sessions[4] = {0};
    for (long i = 0; i < rounds; i++) {
        if (alone && dice(100) == 0)
            something_from_outside();
        if (alone && dice(400) == 0)
            make();
        if (alone && dice(2000) == 0) {
            CHECK(C_Finalize(NULL) == CKR_OK && C_Initialize(NULL) == CKR_OK);
            make();
        }
        some_call(sessions);
    }
    if (alone)
        make(); /* still possible */
}

static void *thread(void *number)
{
    state = 88172645463325252ULL + (uintptr_t)number;
    fuzz_calls(3000, false);
    return NULL;
}

static void fuzz_threads(void)
{
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, thread, (void *)(1000 * i)) == 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

int main(int count, char **words)
{
    CK_ULONG slots = 1;
    if (count != 5)
        return 2;
    snprintf(file_path, sizeof file_path, "%s/fuzz.ukey", words[1]);
    snprintf(mark_path, sizeof mark_path, "%s/fuzz.unplugged", words[1]);
    snprintf(new_path, sizeof new_path, "%s/fuzz.outside", words[1]);
    setenv("LUOCHUI_VUKEY_DIR", words[1], 1);
    setenv("LUOCHUI_VUKEY_COST", "10", 1);
    state = 0x9E3779B97F4A7C15ULL ^ strtoull(words[2], NULL, 10);
    write_file((const uint8_t *)"", 0);
    CHECK(C_Initialize(NULL) == CKR_OK);
    CHECK(C_GetSlotList(CK_TRUE, NULL, &slots) == CKR_OK && slots == 1);
    CHECK(C_GetSlotList(CK_TRUE, &slot, &slots) == CKR_OK);
    make();
    if (strcmp(words[4], "format") == 0)
        fuzz_format(atol(words[3]));
    else if (strcmp(words[4], "calls") == 0)
        fuzz_calls(atol(words[3]), true);
    else
        fuzz_threads();
    CHECK(C_Finalize(NULL) == CKR_OK);
    puts("done");
    return 0;
}
