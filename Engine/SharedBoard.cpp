#include "SharedBoard.hpp"

#include <algorithm>
#include <bit>

namespace apus {

uint64_t Outbox::place(uint64_t bytes, const Posting &posting, uint64_t number) {
    if (bytes == 0) return 0;
    // Few different sizes, so that pieces fit again.
    const uint64_t least = 4096, step = std::bit_ceil(std::max(bytes, 4 * least)) / 8;
    const uint64_t rounded = (bytes + step - 1) / step * step;
    Piece *best = nullptr;
    for (Piece &piece : pieces_) {
        const bool is_read =
            piece.user->number.load(std::memory_order_relaxed) != piece.number + 1 ||
            piece.user->readers.load(std::memory_order_acquire) == 0;
        if (!is_read || piece.bytes < rounded) continue;
        if (best == nullptr || piece.bytes < best->bytes) best = &piece;
    }
    if (best == nullptr) {
        const uint64_t size = (rounded + least - 1) / least * least;
        pieces_.push_back({segment_.grow(size), size, nullptr, 0});
        best = &pieces_.back();
    }
    best->user = &posting;
    best->number = number;
    return best->offset;
}

}  // namespace apus
