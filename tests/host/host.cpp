// The simulated platform: its memory manager, its connection, the life of an object.
#include "host.h"

#include <cstdlib>
#include <cstring>

namespace host {

namespace {

class Running {
public:
    explicit Running(Watch& watch) : watch_(watch) { watch_.enter(); }
    ~Running() { watch_.leave(); }

private:
    Watch& watch_;
};

Text text_of(const native::Unit* units) {
    return units ? Text(reinterpret_cast<const char16_t*>(units)) : Text();
}

}  // namespace

MemoryManager::~MemoryManager() {
    for (void* block : blocks_) std::free(block);
}

bool MemoryManager::AllocMemory(void** memory, unsigned long bytes) {
    Running running(watch_);
    ++allocations;
    if (bytes == 0) ++empty_requests;
    *memory = nullptr;
    if (refuse_after >= 0 && refuse_after-- == 0) {
        refuse_after = 0;  // and all later ones
        return lie;
    }
    // Exactly as many bytes as asked for, so that a memory checker sees one too many written.
    void* block = std::malloc(bytes ? bytes : 1);
    if (!block) return false;
    std::memset(block, 0xCD, bytes);
    std::lock_guard<std::mutex> lock(mutex_);
    blocks_.insert(block);
    *memory = block;
    return true;
}

void MemoryManager::FreeMemory(void** memory) {
    Running running(watch_);
    if (!memory) return;
    release(*memory);
    *memory = nullptr;
}

void MemoryManager::release(void* memory) {
    if (!memory) return;
    {
        std::lock_guard<std::mutex> lock(mutex_);
        if (!blocks_.erase(memory)) {
            ++foreign_frees;
            return;
        }
    }
    std::free(memory);
}

size_t MemoryManager::live() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return blocks_.size();
}

const native::AppInfo* PlatformInfo::GetPlatformInfo() {
    info_.version = version.empty() ? nullptr : reinterpret_cast<const native::Unit*>(version.c_str());
    info_.user_agent = nullptr;
    info_.application = application;
    return no_info ? nullptr : &info_;
}

bool Connection::AddError(unsigned short code, const native::Unit* source, const native::Unit* text, long raise) {
    Running running(watch_);
    {
        std::lock_guard<std::mutex> lock(mutex);
        errors.push_back({code, text_of(source), text_of(text), raise});
    }
    if (on_error) on_error(on_error_context);
    return true;
}

bool Connection::Read(native::Unit*, native::Variant*, long**, native::Unit**) { Running running(watch_); return false; }
bool Connection::Write(native::Unit*, native::Variant*) { Running running(watch_); return false; }
bool Connection::RegisterProfileAs(native::Unit*) { Running running(watch_); return true; }

bool Connection::SetEventBufferDepth(long value) {
    Running running(watch_);
    depth = value;
    return true;
}

long Connection::GetEventBufferDepth() { Running running(watch_); return depth; }

bool Connection::ExternalEvent(native::Unit* source, native::Unit* message, native::Unit* data) {
    Running running(watch_);
    std::lock_guard<std::mutex> lock(mutex);
    if (static_cast<long>(events.size()) >= depth) return false;
    events.push_back({text_of(source), text_of(message), text_of(data)});
    arrived_.notify_all();
    return true;
}

void Connection::CleanEventBuffer() {
    Running running(watch_);
    std::lock_guard<std::mutex> lock(mutex);
    events.clear();
}

bool Connection::SetStatusLine(native::Unit*) { Running running(watch_); return true; }
void Connection::ResetStatusLine() { Running running(watch_); }

native::Interface* Connection::GetInterface(native::InterfaceNumber number) {
    Running running(watch_);
    ++interface_calls;
    return number == native::kPlatformInfo && has_platform ? &platform : nullptr;
}

size_t Connection::wait_events(size_t count, std::chrono::milliseconds limit) {
    std::unique_lock<std::mutex> lock(mutex);
    arrived_.wait_for(lock, limit, [&] { return events.size() >= count; });
    return events.size();
}

bool Host::create(const native::Unit* name) {
    component = nullptr;
    return exports.class_object(name, &component) != 0 && component;
}

void Host::done() {
    component->Done();
    watch.done();
}

bool Host::destroy(int how) {
    native::ComponentBase* object = component;
    component = nullptr;
    bool good = true;
    switch (how) {
    case 0: good = exports.destroy_object(&object) == 0 && !object; break;
    case 1: delete object; break;
    case 2: delete static_cast<native::LanguageExtenderBase*>(object); break;
    case 3: delete static_cast<native::LocaleBase*>(object); break;
    case 4: delete static_cast<native::UserLanguageBase*>(object); break;
    case 5: object->~ComponentBase(); break;
    default: good = false;
    }
    // Whatever comes after this is too late, Done or not.
    watch.done();
    return good;
}

}  // namespace host
