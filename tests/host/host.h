// The simulated platform: one `Host` is what 1C keeps for one object of a component. It counts what a
// component must not do, and can refuse what a platform may refuse.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "native_api.h"

namespace host {

using Text = std::u16string;

// Calls that came or still ran after the object's Done.
class Watch {
public:
    void enter() { ++running_; if (done_) ++late_; }
    void leave() { --running_; }
    void done() { done_ = true; late_ += running_.load(); }
    void again() { done_ = false; }
    long late() const { return late_; }

private:
    std::atomic<long> running_{0}, late_{0};
    std::atomic<bool> done_{false};
};

class MemoryManager final : public native::MemoryManagerBase {
public:
    explicit MemoryManager(Watch& watch) : watch_(watch) {}
    ~MemoryManager() override;
    bool NATIVE_METHOD AllocMemory(void** memory, unsigned long bytes) override;
    void NATIVE_METHOD FreeMemory(void** memory) override;

    // The platform frees what the component gave it.
    void release(void* memory);

    // How many allocations go through before one is refused; negative: none is ever refused.
    std::atomic<long> refuse_after{-1};
    // Whether a refusal says true and leaves null instead of saying false.
    std::atomic<bool> lie{false};
    std::atomic<long> allocations{0}, foreign_frees{0}, empty_requests{0};
    size_t live() const;

private:
    Watch& watch_;
    mutable std::mutex mutex_;
    std::unordered_set<void*> blocks_;
};

class PlatformInfo final : public native::PlatformInfoBase {
public:
    const native::AppInfo* NATIVE_METHOD GetPlatformInfo() override;
    Text version;
    int application = 0;
    bool no_info = false;

private:
    native::AppInfo info_{};
};

struct Error { int code; Text source, text; long raise; };
struct Event { Text source, message, data; };

class Connection final : public native::ConnectionBaseEx {
public:
    explicit Connection(Watch& watch) : watch_(watch) {}
    bool NATIVE_METHOD AddError(unsigned short code, const native::Unit* source, const native::Unit* text, long raise) override;
    bool NATIVE_METHOD Read(native::Unit*, native::Variant*, long**, native::Unit**) override;
    bool NATIVE_METHOD Write(native::Unit*, native::Variant*) override;
    bool NATIVE_METHOD RegisterProfileAs(native::Unit*) override;
    bool NATIVE_METHOD SetEventBufferDepth(long depth) override;
    long NATIVE_METHOD GetEventBufferDepth() override;
    bool NATIVE_METHOD ExternalEvent(native::Unit* source, native::Unit* message, native::Unit* data) override;
    void NATIVE_METHOD CleanEventBuffer() override;
    bool NATIVE_METHOD SetStatusLine(native::Unit*) override;
    void NATIVE_METHOD ResetStatusLine() override;
    native::Interface* NATIVE_METHOD GetInterface(native::InterfaceNumber number) override;

    // Waits until there are so many events; how many there are.
    size_t wait_events(size_t count, std::chrono::milliseconds limit);

    PlatformInfo platform;
    bool has_platform = true;
    std::atomic<long> interface_calls{0}, depth{1};
    // Called inside AddError, as a platform that shows a dialog calls back into 1C code.
    void (*on_error)(void*) = nullptr;
    void* on_error_context = nullptr;
    std::mutex mutex;
    std::vector<Error> errors;
    std::vector<Event> events;

private:
    Watch& watch_;
    std::condition_variable arrived_;
};

struct Host {
    explicit Host(const native::Exports& exports) : exports(exports), memory(watch), connection(watch) {}
    bool create(const native::Unit* name);
    void done();
    // 0 by DestroyObject, 1 by `delete`, 2 to 4 by `delete` through the second to fourth base,
    // 5 by the destructor in place, after which the component's memory is left alone.
    bool destroy(int how);

    native::Exports exports;
    Watch watch;
    MemoryManager memory;
    Connection connection;
    native::ComponentBase* component = nullptr;
};

}  // namespace host
