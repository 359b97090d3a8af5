// What ranks of a group tell each other: where their numbers lie, and who has read them.
#pragma once

#include "SharedMemory.hpp"

#include <vector>

namespace apus {

// How many collectives or messages of a rank may be on their way at a time.
constexpr uint64_t postings_max = 512;

// Something that a rank has posted; `number` is written last.
struct Posting {
    // One more than its place in the order of what the rank posted.
    std::atomic<uint64_t> number;
    // Ranks that have yet to read it.
    std::atomic<uint32_t> readers;
    // What it is, of which numbers: ranks that disagree find out.
    int32_t operation;
    int32_t type;
    // Of a message: who is to read it, under which tag.
    int32_t receiver;
    int64_t tag;
    uint64_t offset;
    uint64_t bytes;
};

// The head of each rank's segment.
struct Board {
    // Rings when a message for the rank is posted.
    std::atomic<uint32_t> bell;
    // Messages that the rank has posted.
    std::atomic<uint64_t> message_count;
    // Ranks that have come to each collective, counted on the board of rank 0.
    std::atomic<uint32_t> arrivals[postings_max];
    Posting collectives[postings_max];
    Posting messages[postings_max];
};

// Pieces of a rank's own segment, used again once all readers have read them.
class Outbox {
  public:
    explicit Outbox(Segment &segment) : segment_(segment) {}

    // A place of `bytes` for what `posting` announces as `number`.
    uint64_t place(uint64_t bytes, const Posting &posting, uint64_t number);

  private:
    struct Piece {
        uint64_t offset;
        uint64_t bytes;
        const Posting *user;
        uint64_t number;
    };

    Segment &segment_;
    std::vector<Piece> pieces_;
};

}  // namespace apus
