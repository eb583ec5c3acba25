/* libFuzzer's way into the compiled data plane: any octets, on a table that the tests made.
 *
 * The first octet chooses transport and address family. Input and output lie in allocations of just
 * their size, so that the address sanitizer sees one octet too far; no interpreter runs.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int fuzz_decode(const uint8_t *octets, size_t count);
int fuzz_open(const uint8_t *table, size_t count);
int fuzz_answer(const uint8_t *octets, size_t count, uint8_t *answer, size_t space, int tcp, int six);

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    const char *path = getenv("GSLB_FUZZ_TABLE");
    FILE *file = path ? fopen(path, "rb") : NULL;
    if (!file) abort();
    fseek(file, 0, SEEK_END);
    size_t count = (size_t)ftell(file);
    uint8_t *table = malloc(count); /* kept for the life of the process */
    rewind(file);
    if (!table || fread(table, 1, count, file) != count || fuzz_open(table, count) < 0) abort();
    fclose(file);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    int tcp = data[0] & 1, six = data[0] & 2;
    size_t space = tcp ? 65535 : data[0] & 4 ? data[1] * 2u : 4096;
    uint8_t *answer = malloc(space ? space : 1), *message = malloc(size - 1);
    if (!answer || !message) abort();
    memcpy(message, data + 1, size - 1);
    fuzz_decode(message, size - 1);
    int octets = fuzz_answer(message, size - 1, answer, space, tcp, six);
    if (octets > 0) {
        if ((size_t)octets > space || octets < 12) abort();
        if (memcmp(answer, message, 2) || !(answer[2] & 0x80)) abort(); /* its ID, and a response */
        if (!tcp && octets > 1232) abort();
    }
    free(answer);
    free(message);
    return 0;
}
