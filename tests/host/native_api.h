// The class shapes of the platform's Native API, as far as a host and a component must agree on them:
// the order of virtual functions, their conventions, the layout of values. Written from the description
// of the binary interface; names and comments are ours, except where a name is the interface's own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>

#ifdef _WIN32
#define NATIVE_METHOD __stdcall
#else
#define NATIVE_METHOD
#endif

namespace native {

using Unit = uint16_t;  // of UTF-16, on every system

enum Kind : uint16_t {
    kEmpty = 0, kNull = 1, kI2 = 2, kI4 = 3, kR4 = 4, kR8 = 5, kDate = 6, kTm = 7, kPstr = 8, kInterface = 9,
    kError = 10, kBool = 11, kVariant = 12, kI1 = 13, kUI1 = 14, kUI2 = 15, kUI4 = 16, kI8 = 17, kUI8 = 18,
    kInt = 19, kUInt = 20, kHresult = 21, kPwstr = 22, kBlob = 23,
};

struct Guid { uint32_t first; uint16_t second, third; uint8_t rest[8]; };

// A value. The union comes first, the type last.
struct Variant {
    union {
        int8_t i1; int16_t i2; int32_t i4; int64_t i8;
        uint8_t ui1; uint16_t ui2; uint32_t ui4; uint64_t ui8;
        float r4; double r8; bool boolean; double date;
        struct tm tm;
        struct { void* pointer; Guid id; } interface_;
        struct { char* bytes; uint32_t byte_count; } narrow;
        struct { Unit* units; uint32_t unit_count; } wide;
    };
    uint32_t elements;
    uint16_t kind;
};

class InitDoneBase {
public:
    virtual ~InitDoneBase() {}
    virtual bool NATIVE_METHOD Init(void* connection) = 0;
    virtual bool NATIVE_METHOD setMemManager(void* manager) = 0;
    virtual long NATIVE_METHOD GetInfo() = 0;
    virtual void NATIVE_METHOD Done() = 0;
};

class LanguageExtenderBase {
public:
    virtual ~LanguageExtenderBase() {}
    virtual bool NATIVE_METHOD RegisterExtensionAs(Unit** name) = 0;
    virtual long NATIVE_METHOD GetNProps() = 0;
    virtual long NATIVE_METHOD FindProp(const Unit* name) = 0;
    virtual const Unit* NATIVE_METHOD GetPropName(long number, long alias) = 0;
    virtual bool NATIVE_METHOD GetPropVal(long number, Variant* value) = 0;
    virtual bool NATIVE_METHOD SetPropVal(long number, Variant* value) = 0;
    virtual bool NATIVE_METHOD IsPropReadable(long number) = 0;
    virtual bool NATIVE_METHOD IsPropWritable(long number) = 0;
    virtual long NATIVE_METHOD GetNMethods() = 0;
    virtual long NATIVE_METHOD FindMethod(const Unit* name) = 0;
    virtual const Unit* NATIVE_METHOD GetMethodName(long number, long alias) = 0;
    virtual long NATIVE_METHOD GetNParams(long number) = 0;
    virtual bool NATIVE_METHOD GetParamDefValue(long number, long param, Variant* value) = 0;
    virtual bool NATIVE_METHOD HasRetVal(long number) = 0;
    virtual bool NATIVE_METHOD CallAsProc(long number, Variant* params, long count) = 0;
    virtual bool NATIVE_METHOD CallAsFunc(long number, Variant* answer, Variant* params, long count) = 0;
};

class LocaleBase {
public:
    virtual ~LocaleBase() {}
    virtual void NATIVE_METHOD SetLocale(const Unit* locale) = 0;
};

class UserLanguageBase {
public:
    virtual ~UserLanguageBase() {}
    virtual void NATIVE_METHOD SetUserInterfaceLanguageCode(const Unit* code) = 0;
};

// What a component's object is to the platform: four bases in this order and no data.
class ComponentBase : public InitDoneBase, public LanguageExtenderBase, public LocaleBase, public UserLanguageBase {
public:
    virtual ~ComponentBase() {}
};

// The empty base of what GetInterface returns; not polymorphic, so a cast may move the pointer.
class Interface {};

enum InterfaceNumber { kMessageBox = 0, kPlatformInfo = 1, kAttachedInfo = 2 };

class ConnectionBase {
public:
    virtual ~ConnectionBase() {}
    virtual bool NATIVE_METHOD AddError(unsigned short code, const Unit* source, const Unit* text, long raise) = 0;
    virtual bool NATIVE_METHOD Read(Unit* name, Variant* value, long** error, Unit** text) = 0;
    virtual bool NATIVE_METHOD Write(Unit* name, Variant* value) = 0;
    virtual bool NATIVE_METHOD RegisterProfileAs(Unit* name) = 0;
    virtual bool NATIVE_METHOD SetEventBufferDepth(long depth) = 0;
    virtual long NATIVE_METHOD GetEventBufferDepth() = 0;
    virtual bool NATIVE_METHOD ExternalEvent(Unit* source, Unit* message, Unit* data) = 0;
    virtual void NATIVE_METHOD CleanEventBuffer() = 0;
    virtual bool NATIVE_METHOD SetStatusLine(Unit* text) = 0;
    virtual void NATIVE_METHOD ResetStatusLine() = 0;
};

class ConnectionBaseEx : public ConnectionBase {
public:
    virtual ~ConnectionBaseEx() {}
    virtual Interface* NATIVE_METHOD GetInterface(InterfaceNumber number) = 0;
};

class MemoryManagerBase {
public:
    virtual ~MemoryManagerBase() {}
    virtual bool NATIVE_METHOD AllocMemory(void** memory, unsigned long bytes) = 0;
    virtual void NATIVE_METHOD FreeMemory(void** memory) = 0;
};

struct AppInfo {
    const Unit* version;
    const Unit* user_agent;
    int application;
};

class PlatformInfoBase : public Interface {
public:
    virtual const AppInfo* NATIVE_METHOD GetPlatformInfo() = 0;
};

// The exports of a component: the C convention everywhere.
struct Exports {
    const Unit* (*class_names)();
    long (*class_object)(const Unit* name, ComponentBase** object);
    long (*destroy_object)(ComponentBase** object);
    int (*set_capabilities)(int level);
    int (*attach_type)();
};

}  // namespace native
