#include "bounce/input.h"

#include <errno.h>
#include <iconv.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/memory.h"

#define BLOCK      (64u << 10)  /* of a pipe, and of what is unpacked */
#define BLOCK_MAX  (256u << 10) /* of a file */
#define HEAD_BYTES 32           /* by which packing and encoding are known */
#define BOMB_BYTES (64u << 20)  /* below it nothing is one */
#define BOMB_RATIO 250          /* logs pack to a tenth, rarely to a fiftieth */

struct mc_input_layers {
    struct mc_text raw; /* as read; dropped from the front */
    size_t raw_at;
    struct mc_text units; /* UTF-16, not yet converted */
    bool packed, zip_open;
    z_stream zip;
    uint64_t packed_bytes, unpacked_bytes;
    iconv_t to_utf8; /* (iconv_t)-1: none */
};

/* ---- bytes ---- */

/* Appends what comes next; false at the end. */
static ssize_t read_some(int fd, char *at, size_t want)
{
    ssize_t got;
    do
        got = read(fd, at, want);
    while (got < 0 && errno == EINTR);
    return got;
}

/* A file that gave less than was asked for is at its end, but some file systems give what they have
 * at hand: so it is asked once more. What fails here fails the next time. */
static void read_rest(struct mc_input *input, struct mc_text *to, size_t room)
{
    ssize_t got = 0;
    while (room && (got = read_some(input->fd, to->at + to->len, room)) > 0) {
        to->len += (size_t)got;
        room -= (size_t)got;
    }
    if (room && !got)
        input->expected = 0;
}

static bool read_raw(struct mc_input *input, struct mc_text *to)
{
    if (input->fd < 0) {
        size_t len = input->memory.len < BLOCK_MAX ? input->memory.len : BLOCK_MAX;
        mc_text_add(to, input->memory.at, len);
        input->memory = mc_span(input->memory.at + len, input->memory.len - len);
        return len > 0;
    }
    if (!input->expected)
        return false;
    bool known = input->expected != UINT64_MAX;
    size_t want = !known || input->expected > BLOCK_MAX ? BLOCK_MAX : (size_t)input->expected;
    char *at = mc_text_reserve(to, known ? want : BLOCK);
    if (!known && !input->regular && input->waiting)
        input->waiting(input->waiting_arg);
    ssize_t got = read_some(input->fd, at, known ? want : BLOCK);
    if (got < 0) {
        input->state = MC_INPUT_FAILED;
        input->error = errno;
        return false;
    }
    to->len += (size_t)got;
    if (known)
        input->expected = got ? input->expected - (uint64_t)got : 0;
    else if (input->regular && got < BLOCK)
        read_rest(input, to, BLOCK - (size_t)got);
    return got > 0;
}

/* Packed files may be several in a row; rubble behind the last is no damage. */
static bool next_member(struct mc_input *input)
{
    struct mc_input_layers *layers = input->layers;
    while (layers->raw.len - layers->raw_at < 2)
        if (!read_raw(input, &layers->raw))
            return false;
    return !memcmp(layers->raw.at + layers->raw_at, "\x1f\x8b", 2) &&
           inflateReset(&layers->zip) == Z_OK;
}

static bool unpack(struct mc_input *input, struct mc_text *to)
{
    struct mc_input_layers *layers = input->layers;
    size_t before = to->len;
    while (to->len == before) {
        if (layers->raw_at == layers->raw.len) {
            layers->raw.len = layers->raw_at = 0;
            if (!read_raw(input, &layers->raw)) {
                if (input->state == MC_INPUT_OPEN)
                    input->state = MC_INPUT_DAMAGED; /* cut short */
                return false;
            }
        }
        size_t have = layers->raw.len - layers->raw_at;
        layers->zip.next_in = (unsigned char *)layers->raw.at + layers->raw_at;
        layers->zip.avail_in = (unsigned)have;
        layers->zip.next_out = (unsigned char *)mc_text_reserve(to, BLOCK_MAX);
        layers->zip.avail_out = BLOCK_MAX;
        int result = inflate(&layers->zip, Z_NO_FLUSH);
        layers->raw_at += have - layers->zip.avail_in;
        layers->packed_bytes += have - layers->zip.avail_in;
        to->len += BLOCK_MAX - layers->zip.avail_out;
        layers->unpacked_bytes += BLOCK_MAX - layers->zip.avail_out;
        if (result == Z_STREAM_END && !next_member(input)) {
            input->state = input->state == MC_INPUT_OPEN ? MC_INPUT_ENDED : input->state;
            return to->len > before;
        }
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
            input->state = MC_INPUT_DAMAGED;
            return to->len > before;
        }
        if (layers->unpacked_bytes > BOMB_BYTES &&
            layers->unpacked_bytes / BOMB_RATIO > layers->packed_bytes) {
            input->state = MC_INPUT_BOMB;
            return true;
        }
    }
    return true;
}

static bool read_bytes(struct mc_input *input, struct mc_text *to)
{
    struct mc_input_layers *layers = input->layers;
    if (!layers || !layers->packed)
        return read_raw(input, to);
    return input->state == MC_INPUT_OPEN && unpack(input, to);
}

/* ---- text ---- */

/* What cannot be converted is a question mark; a half of a character waits for the other. */
static void convert(struct mc_input_layers *layers, struct mc_text *to, bool final)
{
    char *in = layers->units.at;
    size_t left = layers->units.len;
    while (left) {
        char *out = mc_text_reserve(to, left * 2 + 16), *start = out;
        size_t room = to->room - to->len;
        size_t done = iconv(layers->to_utf8, &in, &left, &out, &room);
        to->len += (size_t)(out - start);
        if (done != (size_t)-1 || errno == E2BIG)
            continue;
        if (errno == EINVAL && !final)
            break;
        mc_text_add_char(to, '?');
        size_t skip = left < 2 ? left : 2;
        in += skip;
        left -= skip;
    }
    if (left)
        memmove(layers->units.at, in, left);
    layers->units.len = left;
}

static bool read_text(struct mc_input *input)
{
    struct mc_input_layers *layers = input->layers;
    size_t before = input->text.len;
    if (!layers || layers->to_utf8 == (iconv_t)-1) {
        if (!read_bytes(input, &input->text))
            return false;
    } else {
        do {
            if (!read_bytes(input, &layers->units)) {
                convert(layers, &input->text, true);
                return input->text.len > before;
            }
            convert(layers, &input->text, false);
        } while (input->text.len == before);
    }
    for (size_t i = before; input->bare_returns && i < input->text.len; i++)
        if (input->text.at[i] == '\r')
            input->text.at[i] = '\n';
    return true;
}

bool mc_input_more(struct mc_input *input)
{
    if (input->at && input->at >= input->text.len / 2) { /* what was dropped makes room */
        input->text.len -= input->at;
        memmove(input->text.at, input->text.at + input->at, input->text.len);
        input->at = 0;
    }
    if (read_text(input))
        return true;
    if (input->state == MC_INPUT_OPEN)
        input->state = MC_INPUT_ENDED;
    return false;
}

bool mc_input_is_whole(const struct mc_input *input)
{
    return input->state != MC_INPUT_OPEN || (!input->layers && input->fd >= 0 && !input->expected);
}

struct mc_span mc_input_fill(struct mc_input *input, size_t len)
{
    while (input->text.len - input->at < len && mc_input_more(input))
        ;
    return mc_input_window(input);
}

void mc_input_drop(struct mc_input *input, size_t len)
{
    MC_ASSERT(len <= input->text.len - input->at);
    input->at += len;
    if (input->at == input->text.len)
        input->at = input->text.len = 0;
}

/* ---- what it is packed in ---- */

static struct mc_input_layers *add_layers(struct mc_input *input)
{
    if (!input->layers) {
        input->layers = mc_calloc(1, sizeof *input->layers);
        input->layers->to_utf8 = (iconv_t)-1;
    }
    return input->layers;
}

/* The bytes read so far are no text yet: back to where they are taken from. */
static void put_back(struct mc_input *input)
{
    struct mc_input_layers *layers = add_layers(input);
    struct mc_text raw = layers->raw;
    layers->raw = input->text;
    input->text = raw;
    input->text.len = 0;
}

/* NULL where it is not UTF-16, which is told by its mark or by the zeros of its ASCII. */
static const char *wide_charset(struct mc_span head)
{
    size_t zeros[2] = {0}, pairs = head.len / 2 < 512 ? head.len / 2 : 512;
    if (head.len >= 2 && !memcmp(head.at, "\xff\xfe", 2))
        return "UTF-16LE";
    if (head.len >= 2 && !memcmp(head.at, "\xfe\xff", 2))
        return "UTF-16BE";
    if (!pairs || !memchr(head.at, '\0', pairs * 2))
        return NULL;
    for (size_t i = 0; i < pairs * 2; i++)
        zeros[i & 1] += head.at[i] == '\0';
    if (pairs < 8)
        return NULL;
    if (zeros[1] * 2 > pairs && zeros[0] * 50 <= zeros[1])
        return "UTF-16LE";
    return zeros[0] * 2 > pairs && zeros[1] * 50 <= zeros[0] ? "UTF-16BE" : NULL;
}

static void look_inside(struct mc_input *input)
{
    struct mc_span head = mc_input_fill(input, HEAD_BYTES);
    if (head.len >= 2 && !memcmp(head.at, "\x1f\x8b", 2)) {
        put_back(input);
        struct mc_input_layers *layers = input->layers;
        layers->zip_open = inflateInit2(&layers->zip, 15 + 16) == Z_OK;
        MC_ASSERT(layers->zip_open);
        layers->packed = true;
        input->state = MC_INPUT_OPEN;
        head = mc_input_fill(input, HEAD_BYTES);
    }
    const char *charset = wide_charset(head);
    if (charset) {
        struct mc_input_layers *layers = add_layers(input);
        layers->to_utf8 = iconv_open("UTF-8", charset);
        MC_ASSERT(layers->to_utf8 != (iconv_t)-1);
        mc_text_add_span(&layers->units, head);
        mc_input_drop(input, head.len);
        convert(layers, &input->text, input->state != MC_INPUT_OPEN);
        head = mc_input_window(input);
    }
    if (head.len >= 3 && !memcmp(head.at, "\xef\xbb\xbf", 3))
        mc_input_drop(input, 3);
    head = mc_input_window(input);
    /* line ends of old: a carriage return alone */
    const char *line = memchr(head.at, '\n', head.len);
    const char *bare = line ? NULL : memchr(head.at, '\r', head.len);
    input->bare_returns = bare && bare + 1 < head.at + head.len;
    for (size_t i = 0; input->bare_returns && i < input->text.len; i++)
        if (input->text.at[i] == '\r')
            input->text.at[i] = '\n';
}

/* ---- from start to end ---- */

static void close_layers(struct mc_input *input)
{
    struct mc_input_layers *layers = input->layers;
    if (!layers)
        return;
    if (layers->zip_open)
        inflateEnd(&layers->zip);
    if (layers->to_utf8 != (iconv_t)-1)
        iconv_close(layers->to_utf8);
    mc_text_free(&layers->raw);
    mc_text_free(&layers->units);
    free(layers);
    input->layers = NULL;
}

static void start(struct mc_input *input)
{
    close_layers(input);
    input->state = MC_INPUT_OPEN;
    input->error = 0;
    input->text.len = input->at = 0;
    input->bare_returns = input->regular = false;
}

void mc_input_open(struct mc_input *input, int fd)
{
    struct stat info;
    start(input);
    input->fd = fd;
    /* what grows meanwhile is read next time; files without a size, as in /proc, have one */
    bool sized = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0;
    off_t from = sized ? lseek(fd, 0, SEEK_CUR) : 0;
    input->expected = !sized                ? UINT64_MAX
                      : from < info.st_size ? (uint64_t)(info.st_size - from)
                                            : 0;
    look_inside(input);
}

void mc_input_open_regular(struct mc_input *input, int fd)
{
    start(input);
    input->fd = fd;
    input->expected = UINT64_MAX;
    input->regular = true;
    look_inside(input);
}

void mc_input_open_bytes(struct mc_input *input, struct mc_span bytes)
{
    start(input);
    input->fd = -1;
    input->memory = bytes;
    look_inside(input);
}

void mc_input_free(struct mc_input *input)
{
    close_layers(input);
    mc_text_free(&input->text);
    *input = (struct mc_input){0};
}
