// The simulated platform: it counts what a component must not do, and can refuse what a platform may refuse.
#include "side.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

namespace host {

namespace {

using Text = std::u16string;

Text text_of(const uint16_t* units) { return units ? Text(reinterpret_cast<const char16_t*>(units)) : Text(); }

const uint16_t* units(const Text& text) { return reinterpret_cast<const uint16_t*>(text.c_str()); }

struct Error { int code; Text source, text; long long raise; };
struct Event { Text source, message, data; };

}  // namespace

struct Side {
    ~Side() {
        for (void* block : blocks) std::free(block);
    }

    std::atomic<long> running{0}, late{0};
    std::atomic<bool> done{false};

    std::atomic<long long> refuse_after{-1};
    std::atomic<bool> lie{false};
    std::atomic<long long> allocations{0}, foreign_frees{0}, empty_requests{0};
    std::mutex memory;
    std::unordered_set<void*> blocks;

    Text version;
    int application = 0;
    bool has_platform = true, no_info = false;
    std::atomic<long long> interface_calls{0}, depth{1};

    void (*on_error)(void*) = nullptr;
    void* on_error_context = nullptr;
    std::mutex mutex;
    std::condition_variable arrived;
    std::vector<Error> errors;
    std::vector<Event> events;
};

namespace {

class Running {
public:
    explicit Running(Side* side) : side_(side) {
        ++side_->running;
        if (side_->done) ++side_->late;
    }
    ~Running() { --side_->running; }

private:
    Side* side_;
};

}  // namespace

}  // namespace host

using namespace host;

extern "C" {

Side* side_new() { return new Side; }
void side_delete(Side* side) { delete side; }

bool side_alloc(Side* side, void** memory, unsigned long bytes) {
    Running running(side);
    ++side->allocations;
    if (bytes == 0) ++side->empty_requests;
    *memory = nullptr;
    if (side->refuse_after >= 0 && side->refuse_after-- == 0) {
        side->refuse_after = 0;  // and all later ones
        return side->lie;
    }
    // Exactly as many bytes as asked for, so that a memory checker sees one too many written.
    void* block = std::malloc(bytes ? bytes : 1);
    if (!block) return false;
    std::memset(block, 0xCD, bytes);
    std::lock_guard<std::mutex> lock(side->memory);
    side->blocks.insert(block);
    *memory = block;
    return true;
}

void side_free(Side* side, void* memory) {
    Running running(side);
    side_release(side, memory);
}

void side_release(Side* side, void* memory) {
    if (!memory) return;
    {
        std::lock_guard<std::mutex> lock(side->memory);
        if (!side->blocks.erase(memory)) {
            ++side->foreign_frees;
            return;
        }
    }
    std::free(memory);
}

void side_add_error(Side* side, int code, const uint16_t* source, const uint16_t* text, long long raise) {
    Running running(side);
    {
        std::lock_guard<std::mutex> lock(side->mutex);
        side->errors.push_back({code, text_of(source), text_of(text), raise});
    }
    if (side->on_error) side->on_error(side->on_error_context);
}

void side_set_depth(Side* side, long long depth) {
    Running running(side);
    side->depth = depth;
}

long long side_depth(Side* side) { return side->depth; }

bool side_add_event(Side* side, const uint16_t* source, const uint16_t* message, const uint16_t* data) {
    Running running(side);
    std::lock_guard<std::mutex> lock(side->mutex);
    if (static_cast<long long>(side->events.size()) >= side->depth) return false;
    side->events.push_back({text_of(source), text_of(message), text_of(data)});
    side->arrived.notify_all();
    return true;
}

void side_clean_events(Side* side) {
    Running running(side);
    std::lock_guard<std::mutex> lock(side->mutex);
    side->events.clear();
}

void side_call(Side* side) { Running running(side); }

bool side_interface(Side* side) {
    Running running(side);
    ++side->interface_calls;
    return side->has_platform;
}

bool side_platform_info(Side* side, const uint16_t** version, int* application) {
    *version = side->version.empty() ? nullptr : units(side->version);
    *application = side->application;
    return !side->no_info;
}

void side_again(Side* side) { side->done = false; }

void side_done(Side* side) {
    side->done = true;
    side->late += side->running.load();
}

void side_refuse_after(Side* side, long long count, bool lie) {
    side->lie = lie;
    side->refuse_after = count;
}

long long side_live(Side* side) {
    std::lock_guard<std::mutex> lock(side->memory);
    return static_cast<long long>(side->blocks.size());
}

long long side_allocations(Side* side) { return side->allocations; }
long long side_foreign_frees(Side* side) { return side->foreign_frees; }
long long side_empty_requests(Side* side) { return side->empty_requests; }
long long side_late_calls(Side* side) { return side->late; }
long long side_interface_calls(Side* side) { return side->interface_calls; }

void side_platform(Side* side, const uint16_t* version, int application, bool present, bool no_info) {
    side->version = text_of(version);
    side->application = application;
    side->has_platform = present;
    side->no_info = no_info;
}

long long side_error_count(Side* side) {
    std::lock_guard<std::mutex> lock(side->mutex);
    return static_cast<long long>(side->errors.size());
}

void side_error(Side* side, long long number, int* code, const uint16_t** source, const uint16_t** text, long long* raise) {
    std::lock_guard<std::mutex> lock(side->mutex);
    const Error& error = side->errors.at(static_cast<size_t>(number));
    *code = error.code;
    *source = units(error.source);
    *text = units(error.text);
    *raise = error.raise;
}

void side_on_error(Side* side, void (*callback)(void*), void* context) {
    side->on_error = callback;
    side->on_error_context = context;
}

long long side_wait_events(Side* side, long long count, long long milliseconds) {
    std::unique_lock<std::mutex> lock(side->mutex);
    side->arrived.wait_for(lock, std::chrono::milliseconds(milliseconds), [&] { return side->events.size() >= static_cast<size_t>(count); });
    return static_cast<long long>(side->events.size());
}

void side_event(Side* side, long long number, const uint16_t** source, const uint16_t** message, const uint16_t** data) {
    std::lock_guard<std::mutex> lock(side->mutex);
    const Event& event = side->events.at(static_cast<size_t>(number));
    *source = units(event.source);
    *message = units(event.message);
    *data = units(event.data);
}

}  // extern "C"
