#include "base/distance.h"

unsigned mc_distance(struct mc_span a, struct mc_span b, unsigned limit)
{
    unsigned rows[3][MC_DISTANCE_MAX + 1];
    size_t difference = a.len > b.len ? a.len - b.len : b.len - a.len;
    if (difference > limit)
        return limit + 1;
    for (unsigned k = 0; k <= b.len; k++)
        rows[0][k] = k;
    for (unsigned i = 1; i <= a.len; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *twice_above = rows[(i + 1) % 3];
        unsigned least = row[0] = i;
        for (unsigned k = 1; k <= b.len; k++) {
            unsigned best = above[k - 1] + (a.at[i - 1] != b.at[k - 1]);
            best = above[k] + 1 < best ? above[k] + 1 : best;
            best = row[k - 1] + 1 < best ? row[k - 1] + 1 : best;
            if (i > 1 && k > 1 && a.at[i - 1] == b.at[k - 2] && a.at[i - 2] == b.at[k - 1] &&
                twice_above[k - 2] + 1 < best)
                best = twice_above[k - 2] + 1;
            row[k] = best;
            least = best < least ? best : least;
        }
        if (least > limit)
            return limit + 1;
    }
    return rows[a.len % 3][b.len];
}
