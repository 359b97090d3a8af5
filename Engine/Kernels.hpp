// Fused loops over FP32 rows on the CPU. They know nothing of libtorch.
//
// Each works on the rows `begin ..< end`, so that callers may share rows between threads; no result
// depends on how they are shared.
#pragma once

#include <cstdint>

namespace apus {

// y = x / sqrt(mean(x²) + epsilon) * weight; keeps the factor of each row in `inverse`.
void rms_norm_forward(
    const float *x, const float *weight, float *y, float *inverse, int64_t begin, int64_t end,
    int64_t width, float epsilon);

// Writes the rows of `dx` and adds the rows' share of the weight's gradient to `dweight`.
void rms_norm_backward(
    const float *dy, const float *x, const float *weight, const float *inverse, float *dx,
    float *dweight, int64_t begin, int64_t end, int64_t width);

// y = silu(gate) * up for rows [gate | up] of twice `width`.
void gated_silu_forward(const float *x, float *y, int64_t begin, int64_t end, int64_t width);
void gated_silu_backward(
    const float *dy, const float *x, float *dx, int64_t begin, int64_t end, int64_t width);

// Turns each pair (x[i], x[i + width / 2]) of each head by the angle of its position.
//
// A row is one position of one sequence with all its heads; `cosines` and `sines` hold
// [length, width / 2], and `direction` is 1 or, for the inverse, -1.
void rotate(
    const float *x, const float *cosines, const float *sines, float *y, int64_t begin, int64_t end,
    int64_t length, int64_t heads, int64_t width, float direction);

// The sum of squares of `count` numbers in FP64, always added in the same order.
double sum_of_squares(const float *x, int64_t count);

}  // namespace apus
