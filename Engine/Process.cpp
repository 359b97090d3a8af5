#include "Shim.hpp"

#include <atomic>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>
#include <c10/util/Logging.h>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <unistd.h>

#if __has_include(<torch/headeronly/version.h>)
#include <torch/headeronly/version.h>
#else
#include <torch/version.h>
#endif

#ifdef APUS_CUDA
#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#endif

namespace apus {
namespace {

std::atomic<int64_t> current_bytes{0};
std::atomic<int64_t> peak_bytes{0};

// Counts every byte of CPU tensors: autograd shares storage, so handles cannot be counted.
//
// The size of a block stands in a header before it, which keeps the block's own alignment.
struct CountingAllocator final : c10::Allocator {
    static constexpr size_t header = c10::gAlignment;

    static void release(void *data) {
        if (data == nullptr) return;
        void *block = static_cast<char *>(data) - header;
        current_bytes.fetch_sub(*static_cast<int64_t *>(block), std::memory_order_relaxed);
        c10::free_cpu(block);
    }

    c10::DataPtr allocate(size_t size) override {
        const c10::Device cpu(c10::DeviceType::CPU);
        if (size == 0) return {nullptr, nullptr, &release, cpu};
        void *block = c10::alloc_cpu(size + header);
        *static_cast<int64_t *>(block) = int64_t(size);
        const int64_t now = current_bytes.fetch_add(int64_t(size)) + int64_t(size);
        int64_t peak = peak_bytes.load();
        while (peak < now && !peak_bytes.compare_exchange_weak(peak, now)) {
        }
        void *data = static_cast<char *>(block) + header;
        return {data, data, &release, cpu};
    }

    c10::DeleterFnPtr raw_deleter() const override { return &release; }

    void copy_data(void *target, const void *source, size_t count) const override {
        default_copy_data(target, source, count);
    }
};

// A thread of the library that throws has nobody to tell: say it in one line and end the process.
[[noreturn]] void last_words() {
    char line[512];
    const char *what = "an exception of unknown type";
    std::string text;
    if (const auto failure = std::current_exception()) {
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception &error) {
            text = error.what();
            text.resize(std::min(text.find('\n'), text.size()));
            what = text.c_str();
        } catch (...) {
            what = "something that is no exception";
        }
    }
    const int length = std::snprintf(
        line, sizeof line, "error: engine: a thread ended by %s  [engine-crash]\n", what);
    if (length > 0 && write(2, line, std::min(size_t(length), sizeof line - 1)) < 0) _exit(86);
    _exit(86);
}

apus_status device_open(int32_t device, apus_error **error) {
    return guarded(error, [&] {
        at::empty({1}, at::device(device_of(device)));
#ifdef APUS_CUDA
        if (device >= 0) c10::cuda::set_device(c10::DeviceIndex(device));
#endif
    });
}

apus_status threads_set(int64_t count, apus_error **error) {
    return guarded(error, [&] {
        TORCH_CHECK(count >= 1 && count <= 4096, "thread count ", count, " is not from 1 to 4096");
        at::set_num_threads(int(count));
    });
}

apus_status memory_read(int32_t device, int64_t *current, int64_t *peak, apus_error **error) {
    return guarded(error, [&] {
        if (device < 0) {
            *peak = peak_bytes.load();
            *current = current_bytes.load();
            return;
        }
#ifdef APUS_CUDA
        const auto stats =
            c10::cuda::CUDACachingAllocator::getDeviceStats(c10::DeviceIndex(device));
        *current = stats.allocated_bytes[0].current;
        *peak = stats.allocated_bytes[0].peak;
#else
        TORCH_CHECK(false, "this engine was built without CUDA");
#endif
    });
}

apus_status memory_reset_peak(int32_t device, apus_error **error) {
    return guarded(error, [&] {
        if (device < 0) {
            peak_bytes.store(current_bytes.load());
            return;
        }
#ifdef APUS_CUDA
        c10::cuda::CUDACachingAllocator::resetPeakStats(c10::DeviceIndex(device));
#else
        TORCH_CHECK(false, "this engine was built without CUDA");
#endif
    });
}

apus_status gradients_record(int32_t record, int32_t *recorded_before, apus_error **error) {
    return guarded(error, [&] {
        *recorded_before = at::GradMode::is_enabled() ? 1 : 0;
        if (record != 0 && !at::GradMode::is_enabled()) begin_recording();
        at::GradMode::set_enabled(record != 0);
    });
}

}  // namespace

apus_status fail(apus_error **error, const char *text) noexcept {
    std::string message = text == nullptr ? "" : text;
    const size_t start = message.find_first_not_of(" \t\n");
    message = start == std::string::npos ? "no reason given" : message.substr(start);
    message.resize(std::min(message.find('\n'), message.size()));
    *error = new apus_error{std::move(message)};
    return 1;
}

void prepare_thread() {
    thread_local const bool flushes = at::globalContext().setFlushDenormal(true);
    static_cast<void>(flushes);
}

at::Device device_of(int32_t device) {
    if (device < 0) return at::Device(at::kCPU);
    return at::Device(at::kCUDA, c10::DeviceIndex(device));
}

void start_process() {
    static CountingAllocator allocator;
    c10::SetCPUAllocator(&allocator, 1);
    // Large blocks stay with the process: freshly mapped memory costs more than the work on it.
    if (mallopt(M_MMAP_THRESHOLD, 1 << 30) == 0) mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_TOP_PAD, 16 << 20);
    mallopt(M_ARENA_MAX, 1);
    // Failures come back as errors; the library need not also print them, unless it is asked to.
    if (std::getenv("TORCH_CPP_LOG_LEVEL") == nullptr) FLAGS_caffe2_log_level = 3;
    std::set_terminate(last_words);
    prepare_thread();
}

void install_process(apus_engine &table) {
    table.library_version = [] { return TORCH_VERSION; };
#ifdef APUS_CUDA
    table.cuda_exists = [] { return 1; };
    table.device_count = [] { return int32_t(at::cuda::device_count()); };
#else
    table.cuda_exists = [] { return 0; };
    table.device_count = [] { return 0; };
#endif
    table.device_open = device_open;
    table.threads_set = threads_set;
    table.memory_read = memory_read;
    table.memory_reset_peak = memory_reset_peak;
    table.gradients_record = gradients_record;
    table.error_message = [](const apus_error *error) { return error->message.c_str(); };
    table.error_destroy = [](apus_error *error) { delete error; };
    table.bytes_destroy = [](char *bytes) { std::free(bytes); };
}

}  // namespace apus
