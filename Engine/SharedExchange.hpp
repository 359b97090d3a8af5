// How a rank of a group posts its numbers in shared memory, and waits for those of others.
#pragma once

#include "SharedBoard.hpp"
#include "Torch.hpp"

#include <functional>
#include <vector>

namespace apus {

enum Operation : int32_t { all_reduce = 1, all_to_all, broadcast, barrier, message };

// One rank's view of the boards and bodies of all ranks of its group.
class Exchange {
  public:
    Exchange(std::vector<Segment> segments, int rank, std::chrono::milliseconds timeout);

    int rank() const { return rank_; }
    int size() const { return int(segments_.size()); }

    // Starts the rank's next collective: copies the numbers to where the others find them.
    //
    // Of `parts`, rows for each rank, a table of bytes lies before the numbers.
    uint64_t post(
        Operation operation, const at::Tensor &tensor, const std::vector<int64_t> &parts = {});

    // Waits until all ranks have come to a collective, and sees that it is the same one.
    void arrive(uint64_t number, Operation operation);

    // Tells all ranks that this one has read what they posted for a collective.
    void leave(uint64_t number);

    // What a rank posted for a collective.
    Posting &collective(int rank, uint64_t number) const;

    void send(const at::Tensor &tensor, int receiver, int64_t tag);

    // Waits for the oldest message of a sender under a tag, and reads it.
    void receive(const at::Tensor &tensor, int sender, int64_t tag);

    // Sees that a rank posted what `tensor` can take.
    static void check(int rank, const Posting &posting, const at::Tensor &tensor);

    // Copies a part of what a rank posted.
    void copy(void *target, int rank, const Posting &posting, uint64_t begin, uint64_t bytes);

    // What a rank posted, from `begin` on; valid until the next call for that rank.
    const char *read(int rank, const Posting &posting, uint64_t begin, uint64_t bytes);

  private:
    Board &board(int rank) const;
    uint32_t complete(uint64_t number) const;
    void fill(
        Posting &posting, Operation operation, const at::Tensor &tensor, uint64_t number,
        int readers, const std::vector<int64_t> &parts);
    void await_room(const Posting &posting) const;
    Posting *find(int sender, int64_t tag);

    // Sleeps until `is_done`; `word` changes when that may have come true. `missing` gives the
    // first rank that is waited for and of which something holds, -1 for none.
    void await(
        const std::atomic<uint32_t> &word, Operation operation,
        const std::function<bool()> &is_done,
        const std::function<int(const std::function<bool(int)> &)> &missing);

    std::vector<Segment> segments_;
    int rank_;
    Outbox outbox_;
    std::chrono::milliseconds timeout_;
    uint64_t next_ = 0;
    // Of each sender, the first message that may still be for this rank.
    std::vector<uint64_t> cursors_;
};

}  // namespace apus
