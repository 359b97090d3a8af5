// Memory that ranks of one host share, and how they wait for each other there.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace apus {

// What tells two processes whether they can share memory: the running system and its namespaces.
//
// Network namespaces count, so that nodes which only pretend to be apart keep to the network.
std::string host_identity();

// Anonymous memory of one process that others map: a fixed head, and a body that grows.
//
// It has no name in any file system, so nothing is left behind however the processes end.
class Segment {
  public:
    // Makes a segment with a head of `head_bytes` zeros and an empty body.
    static Segment create(size_t head_bytes);

    // Maps the segment that another process made; nothing where it cannot be reached.
    static std::optional<Segment> open(int process, int descriptor, size_t head_bytes);

    Segment(Segment &&other) noexcept;
    Segment(const Segment &) = delete;
    Segment &operator=(const Segment &) = delete;
    Segment &operator=(Segment &&) = delete;
    ~Segment();

    void *head() const { return head_; }
    int descriptor() const { return descriptor_; }

    // The body's bytes from `offset` on, mapped anew where the owner has let it grow. What another
    // process says of its memory is checked against the memory's end. Valid until the next call.
    char *body(uint64_t offset, uint64_t bytes);

    // Lets the body grow by `bytes` and gives the offset of what is new; for the owner.
    uint64_t grow(uint64_t bytes);

    // Whether the process that made the segment still holds it.
    bool owner_lives() const;

  private:
    Segment(int descriptor, size_t head_bytes);

    int descriptor_ = -1;
    size_t head_bytes_ = 0;
    void *head_ = nullptr;
    char *body_ = nullptr;
    uint64_t mapped_ = 0;
};

// Sleeps while `word` is `value`, at most `limit`, between processes.
void sleep_while(
    const std::atomic<uint32_t> &word, uint32_t value, std::chrono::milliseconds limit);

// Wakes all that sleep on `word`.
void wake(const std::atomic<uint32_t> &word);

}  // namespace apus
