// How the ranks of a group find out whether they can share memory.
#include "SharedGroup.hpp"

#include "Shim.hpp"

#include <cstdlib>
#include <unistd.h>

namespace apus {
namespace {

std::vector<uint8_t> bytes_of(const std::string &text) { return {text.begin(), text.end()}; }

}  // namespace

c10::intrusive_ptr<c10d::Backend> join_shared_group(
    const c10::intrusive_ptr<c10d::Store> &store, int rank, int size,
    std::chrono::milliseconds timeout) {
    const char *wish = std::getenv("APUS_TRANSPORT");
    const bool is_wanted = wish == nullptr || std::string(wish) != "gloo";
    std::vector<Segment> own;
    std::string word = "none";
    if (is_wanted) {
        own.push_back(Segment::create(sizeof(Board)));
        word = host_identity() + "\n" + std::to_string(getpid()) + " " +
               std::to_string(own[0].descriptor());
    }
    const auto key = [](const char *kind, int member) {
        return std::string("shared/") + kind + "/" + std::to_string(member);
    };
    store->set(key("place", rank), bytes_of(word));
    std::vector<Segment> segments;
    const std::string host = word.substr(0, word.find('\n'));
    for (int member = 0; member < size; ++member) {
        const auto read = store->get(key("place", member));
        const std::string place(read.begin(), read.end());
        const size_t line = place.find('\n');
        if (!is_wanted || line == std::string::npos || place.substr(0, line) != host) continue;
        if (member == rank) {
            segments.push_back(std::move(own[0]));
            continue;
        }
        int process = 0, descriptor = 0;
        if (std::sscanf(place.c_str() + line, "%d %d", &process, &descriptor) != 2) continue;
        auto opened = Segment::open(process, descriptor, sizeof(Board));
        if (opened) segments.push_back(std::move(*opened));
    }
    // All ranks share memory, or none does.
    store->set(key("reached", rank), bytes_of(int(segments.size()) == size ? "all" : "some"));
    bool is_shared = true;
    for (int member = 0; member < size; ++member) {
        const auto read = store->get(key("reached", member));
        is_shared = is_shared && std::string(read.begin(), read.end()) == "all";
    }
    if (!is_shared) return nullptr;
    return make_shared_group(Exchange(std::move(segments), rank, timeout));
}

}  // namespace apus
