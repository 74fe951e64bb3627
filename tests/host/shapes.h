// The platform's objects: true C++ classes, so that tables, conventions and destructors are the compiler's. Compiled as
// the platform is: on Windows in Microsoft's layout, without any library of C++. One `Host` is what 1C keeps for one
// object of a component.
#pragma once

#include "native_api.h"
#include "side.h"

namespace host {

class MemoryManager final : public native::MemoryManagerBase {
public:
    explicit MemoryManager(Side* side) : side_(side) {}
    bool NATIVE_METHOD AllocMemory(void** memory, unsigned long bytes) override { return side_alloc(side_, memory, bytes); }
    void NATIVE_METHOD FreeMemory(void** memory) override {
        if (!memory) return side_call(side_);
        side_free(side_, *memory);
        *memory = nullptr;
    }

private:
    Side* side_;
};

class PlatformInfo final : public native::PlatformInfoBase {
public:
    explicit PlatformInfo(Side* side) : side_(side) {}
    const native::AppInfo* NATIVE_METHOD GetPlatformInfo() override {
        info_.user_agent = nullptr;
        return side_platform_info(side_, &info_.version, &info_.application) ? &info_ : nullptr;
    }

private:
    Side* side_;
    native::AppInfo info_{};
};

class Connection final : public native::ConnectionBaseEx {
public:
    explicit Connection(Side* side) : side_(side), platform_(side) {}
    bool NATIVE_METHOD AddError(unsigned short code, const native::Unit* source, const native::Unit* text, long raise) override {
        side_add_error(side_, code, source, text, raise);
        return true;
    }
    bool NATIVE_METHOD Read(native::Unit*, native::Variant*, long**, native::Unit**) override { return called(false); }
    bool NATIVE_METHOD Write(native::Unit*, native::Variant*) override { return called(false); }
    bool NATIVE_METHOD RegisterProfileAs(native::Unit*) override { return called(true); }
    bool NATIVE_METHOD SetEventBufferDepth(long depth) override {
        side_set_depth(side_, depth);
        return true;
    }
    long NATIVE_METHOD GetEventBufferDepth() override {
        side_call(side_);
        return static_cast<long>(side_depth(side_));
    }
    bool NATIVE_METHOD ExternalEvent(native::Unit* source, native::Unit* message, native::Unit* data) override {
        return side_add_event(side_, source, message, data);
    }
    void NATIVE_METHOD CleanEventBuffer() override { side_clean_events(side_); }
    bool NATIVE_METHOD SetStatusLine(native::Unit*) override { return called(true); }
    void NATIVE_METHOD ResetStatusLine() override { side_call(side_); }
    native::Interface* NATIVE_METHOD GetInterface(native::InterfaceNumber number) override {
        return side_interface(side_) && number == native::kPlatformInfo ? &platform_ : nullptr;
    }

private:
    bool called(bool answer) {
        side_call(side_);
        return answer;
    }

    Side* side_;
    PlatformInfo platform_;
};

struct Host {
    explicit Host(const native::Exports& exports) : exports(exports), side(side_new()), memory(side), connection(side) {}
    ~Host() { side_delete(side); }
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;

    bool create(const native::Unit* name) {
        component = nullptr;
        return exports.class_object(name, &component) != 0 && component;
    }
    void done() {
        component->Done();
        side_done(side);
    }
    // 0 by DestroyObject, 1 by `delete`, 2 to 4 by `delete` through the second to fourth base,
    // 5 by the destructor in place, after which the component's memory is left alone.
    bool destroy(int how);

    native::Exports exports;
    Side* side;
    MemoryManager memory;
    Connection connection;
    native::ComponentBase* component = nullptr;
};

}  // namespace host
