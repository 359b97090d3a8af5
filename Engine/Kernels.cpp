#include "Kernels.hpp"

#include <bit>
#include <cmath>

// Each loop is compiled for several processors and chosen when the library is loaded.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define APUS_LOOP __attribute__((target_clones("arch=skylake-avx512", "arch=haswell", "default")))
#else
#define APUS_LOOP
#endif

namespace apus {
namespace {

// Sums run in this many lanes and are then folded in a fixed order, whatever the vector width.
constexpr int64_t lanes = 16;

inline __attribute__((always_inline)) float folded(float *lane) {
    for (int64_t step = lanes / 2; step > 0; step /= 2)
        for (int64_t i = 0; i < step; ++i) lane[i] += lane[i + step];
    return lane[0];
}

// e^x with a relative error near one unit in the last place, without branches.
//
// Source: Cephes `expf` (S. L. Moshier): x = n ln 2 + r, and a polynomial of degree 6 in r.
inline __attribute__((always_inline)) float exponential(float x) {
    x = x < -87.0f ? -87.0f : (x > 88.0f ? 88.0f : x);
    const float shifted = x * 1.44269504088896341f + 12582912.0f;
    const float n = shifted - 12582912.0f;
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    const int32_t power = (std::bit_cast<int32_t>(shifted) - 0x4B400000 + 127) << 23;
    return p * std::bit_cast<float>(power);
}

inline __attribute__((always_inline)) float sigmoid(float x) {
    return 1.0f / (1.0f + exponential(-x));
}

}  // namespace

APUS_LOOP void rms_norm_forward(
    const float *x, const float *weight, float *y, float *inverse, int64_t begin, int64_t end,
    int64_t width, float epsilon) {
    for (int64_t row = begin; row < end; ++row) {
        const float *in = x + row * width;
        float *out = y + row * width;
        float lane[lanes] = {};
        int64_t column = 0;
        for (; column + lanes <= width; column += lanes)
            for (int64_t i = 0; i < lanes; ++i) lane[i] += in[column + i] * in[column + i];
        for (; column < width; ++column) lane[column % lanes] += in[column] * in[column];
        const float factor = 1.0f / std::sqrt(folded(lane) / float(width) + epsilon);
        inverse[row] = factor;
        for (int64_t i = 0; i < width; ++i) out[i] = in[i] * factor * weight[i];
    }
}

APUS_LOOP void rms_norm_backward(
    const float *dy, const float *x, const float *weight, const float *inverse, float *dx,
    float *dweight, int64_t begin, int64_t end, int64_t width) {
    for (int64_t row = begin; row < end; ++row) {
        const float *in = x + row * width;
        const float *g = dy + row * width;
        float *out = dx + row * width;
        const float factor = inverse[row];
        float lane[lanes] = {};
        int64_t column = 0;
        for (; column + lanes <= width; column += lanes)
            for (int64_t i = 0; i < lanes; ++i)
                lane[i] += g[column + i] * weight[column + i] * in[column + i];
        for (; column < width; ++column)
            lane[column % lanes] += g[column] * weight[column] * in[column];
        const float pull = folded(lane) * factor * factor * factor / float(width);
        for (int64_t i = 0; i < width; ++i) {
            out[i] = g[i] * weight[i] * factor - in[i] * pull;
            dweight[i] += g[i] * in[i] * factor;
        }
    }
}

APUS_LOOP void gated_silu_forward(
    const float *x, float *y, int64_t begin, int64_t end, int64_t width) {
    for (int64_t row = begin; row < end; ++row) {
        const float *gate = x + row * 2 * width;
        const float *up = gate + width;
        float *out = y + row * width;
        for (int64_t i = 0; i < width; ++i) out[i] = gate[i] * sigmoid(gate[i]) * up[i];
    }
}

APUS_LOOP void gated_silu_backward(
    const float *dy, const float *x, float *dx, int64_t begin, int64_t end, int64_t width) {
    for (int64_t row = begin; row < end; ++row) {
        const float *gate = x + row * 2 * width;
        const float *up = gate + width;
        const float *g = dy + row * width;
        float *dgate = dx + row * 2 * width;
        float *dup = dgate + width;
        for (int64_t i = 0; i < width; ++i) {
            const float s = sigmoid(gate[i]);
            dup[i] = g[i] * gate[i] * s;
            dgate[i] = g[i] * up[i] * s * (1.0f + gate[i] * (1.0f - s));
        }
    }
}

APUS_LOOP void rotate(
    const float *x, const float *cosines, const float *sines, float *y, int64_t begin, int64_t end,
    int64_t length, int64_t heads, int64_t width, float direction) {
    const int64_t half = width / 2;
    for (int64_t row = begin; row < end; ++row) {
        const float *cosine = cosines + (row % length) * half;
        const float *sine = sines + (row % length) * half;
        for (int64_t head = 0; head < heads; ++head) {
            const float *in = x + (row * heads + head) * width;
            float *out = y + (row * heads + head) * width;
            for (int64_t i = 0; i < half; ++i) {
                const float turn = sine[i] * direction;
                out[i] = in[i] * cosine[i] - in[i + half] * turn;
                out[i + half] = in[i + half] * cosine[i] + in[i] * turn;
            }
        }
    }
}

APUS_LOOP double sum_of_squares(const float *x, int64_t count) {
    double lane[lanes] = {};
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes)
        for (int64_t j = 0; j < lanes; ++j) lane[j] += double(x[i + j]) * double(x[i + j]);
    for (; i < count; ++i) lane[i % lanes] += double(x[i]) * double(x[i]);
    double sum = 0;
    for (int64_t j = 0; j < lanes; ++j) sum += lane[j];
    return sum;
}

}  // namespace apus
