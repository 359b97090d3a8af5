#include "SharedMemory.hpp"

#include "Shim.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace apus {
namespace {

std::string failure(const char *what) { return std::string(what) + ": " + std::strerror(errno); }

// A lock on the whole file, which the kernel releases when its holder ends.
struct flock whole_file(short kind) {
    struct flock lock {};
    lock.l_type = kind;
    lock.l_whence = SEEK_SET;
    return lock;
}

void *mapped(int descriptor, uint64_t offset, size_t bytes) {
    void *memory =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, off_t(offset));
    TORCH_CHECK(memory != MAP_FAILED, failure("cannot map shared memory"));
    return memory;
}

}  // namespace

std::string host_identity() {
    std::string identity;
    std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), identity);
    for (const char *space : {"/proc/self/ns/pid", "/proc/self/ns/net"}) {
        char name[64];
        const ssize_t length = readlink(space, name, sizeof name);
        identity += ' ';
        if (length > 0) identity.append(name, size_t(length));
    }
    return identity;
}

Segment::Segment(int descriptor, size_t head_bytes)
    : descriptor_(descriptor), head_bytes_(head_bytes) {}

Segment::Segment(Segment &&other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), head_bytes_(other.head_bytes_),
      head_(std::exchange(other.head_, nullptr)), body_(std::exchange(other.body_, nullptr)),
      mapped_(std::exchange(other.mapped_, 0)) {}

Segment::~Segment() {
    if (body_ != nullptr) munmap(body_, mapped_);
    if (head_ != nullptr) munmap(head_, head_bytes_);
    if (descriptor_ >= 0) close(descriptor_);
}

Segment Segment::create(size_t head_bytes) {
    const auto page = size_t(sysconf(_SC_PAGESIZE));
    const size_t bytes = (head_bytes + page - 1) / page * page;
    const int descriptor = memfd_create("apus", MFD_CLOEXEC);
    TORCH_CHECK(descriptor >= 0, failure("cannot make shared memory"));
    Segment segment(descriptor, bytes);
    TORCH_CHECK(ftruncate(descriptor, off_t(bytes)) == 0, failure("cannot size shared memory"));
    struct flock lock = whole_file(F_WRLCK);
    TORCH_CHECK(
        fcntl(descriptor, F_OFD_SETLK, &lock) == 0, failure("cannot lock shared memory"));
    segment.head_ = mapped(descriptor, 0, bytes);
    return segment;
}

std::optional<Segment> Segment::open(int process, int descriptor, size_t head_bytes) {
    const auto page = size_t(sysconf(_SC_PAGESIZE));
    const size_t bytes = (head_bytes + page - 1) / page * page;
    const std::string path =
        "/proc/" + std::to_string(process) + "/fd/" + std::to_string(descriptor);
    const int opened = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (opened < 0) return std::nullopt;
    Segment segment(opened, bytes);
    struct stat status {};
    if (fstat(opened, &status) != 0 || !S_ISREG(status.st_mode) ||
        uint64_t(status.st_size) < bytes)
        return std::nullopt;
    segment.head_ = mapped(opened, 0, bytes);
    return segment;
}

char *Segment::body(uint64_t offset, uint64_t bytes) {
    const uint64_t end = offset + bytes;
    TORCH_CHECK(end >= offset, "a peer's shared memory makes no sense");
    if (end > mapped_) {
        struct stat status {};
        TORCH_CHECK(fstat(descriptor_, &status) == 0, failure("cannot size shared memory"));
        const uint64_t there = uint64_t(status.st_size) - head_bytes_;
        TORCH_CHECK(end <= there, "a peer's shared memory ends before what it announced");
        if (body_ != nullptr) munmap(std::exchange(body_, nullptr), mapped_);
        mapped_ = 0;
        body_ = static_cast<char *>(mapped(descriptor_, head_bytes_, there));
        mapped_ = there;
    }
    return body_ + offset;
}

uint64_t Segment::grow(uint64_t bytes) {
    struct stat status {};
    TORCH_CHECK(fstat(descriptor_, &status) == 0, failure("cannot size shared memory"));
    // The memory is taken now: where there is none left, that is an error here and no signal later.
    const int result = posix_fallocate(descriptor_, status.st_size, off_t(bytes));
    errno = result;
    TORCH_CHECK(result == 0, failure("no shared memory for a message"));
    return uint64_t(status.st_size) - head_bytes_;
}

bool Segment::owner_lives() const {
    struct flock lock = whole_file(F_WRLCK);
    return fcntl(descriptor_, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

void sleep_while(
    const std::atomic<uint32_t> &word, uint32_t value, std::chrono::milliseconds limit) {
    const auto milliseconds = std::max<int64_t>(1, limit.count());
    const timespec time{time_t(milliseconds / 1000), long(milliseconds % 1000 * 1'000'000)};
    syscall(SYS_futex, &word, FUTEX_WAIT, value, &time, nullptr, 0);
}

void wake(const std::atomic<uint32_t> &word) {
    syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace apus
