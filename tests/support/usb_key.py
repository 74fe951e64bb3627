#!/usr/bin/python3
"""A USB key of docs/usb-key.md in software, for the real libusb: umockdev puts it before whoever runs in its environment.

Run as: umockdev-wrapper /usr/bin/python3 usb_key.py
It prints the environment as one line of JSON, then obeys lines on its input and answers each by a line:
    plug SERIAL     a key of that serial number, new or pulled before; its place on the bus
    pull SERIAL     it is gone, whatever is under way
    set SERIAL FAULT [N]   how it misbehaves from now on: see Key.faults
"""
import json
import os
import struct
import sys
import threading

import gi

gi.require_version("UMockdev", "1.0")
from cryptography.hazmat.primitives import hashes  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils  # noqa: E402
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: E402
from gi.repository import GLib, UMockdev  # noqa: E402

PIN = b"20406080"
SUBMIT, REAP, REAP_NOW, CAPABILITIES = 0x8038550A, 0x4008550C, 0x4008550D, 0x8004551A
CLAIM, RELEASE, DISCARD, CLEAR_HALT, DRIVER = 0x8004550F, 0x80045510, 0x550B, 0x80045515, 0x41045508
DONE, UNKNOWN, WRONG, LOCKED, WRONG_PIN, BLOCKED, FULL, READ_ONLY, NOTHING, BROKEN = range(10)
CONTROL, BULK = 2, 3
NO_DEVICE, AGAIN, NO_TTY, NO_DATA = 19, 11, 25, 61
# What the kernel says of a transfer to a device that is gone.
SHUT_DOWN = (-108, 0, None, 0)


class Key:
    """What is inside: it stays when the key is pulled out."""

    # silent: bulk answers never come; garbage: answers of random bytes; long: a length beyond all limits;
    # pull_at N: gone at command N; room N: so many bytes for licences; read_only: nothing can be written;
    # forged: signs by another key than its own; swapped: tells another holder key than before, and signs by that.
    faults = ("silent", "garbage", "long", "pull_at", "room", "read_only", "forged", "swapped")

    def __init__(self, serial):
        self.serial = serial
        self.signing = self.decrypting = self.genuine = None
        self.licences = {}
        self.certificate = b""
        self.tries = 3
        self.fault = {}
        self.reset()

    def reset(self):
        self.unlocked = False
        self.buffer = b""
        self.answer = b""

    def hello(self):
        flags = 1 if "read_only" in self.fault else 0
        return struct.pack("<4sBBB9x", b"L3UK", 1, flags, self.tries)

    def holder(self):
        if not self.signing:
            return NOTHING, b""
        if "swapped" in self.fault and not self.genuine:
            self.genuine = self.signing
            self.signing = ec.generate_private_key(ec.SECP256R1())
        point = self.signing.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        modulus = self.decrypting.public_key().public_numbers().n
        return DONE, point + modulus.to_bytes((modulus.bit_length() + 7) // 8, "big")

    def do(self, command, payload):
        writes = command in (2, 5, 6)
        if writes and "read_only" in self.fault:
            return READ_ONLY, b""
        if writes and not self.unlocked:
            return LOCKED, b""
        if command == 1:
            return self.holder()
        if command == 2:
            self.signing = self.signing or ec.generate_private_key(ec.SECP256R1())
            self.decrypting = self.decrypting or rsa.generate_private_key(65537, 2048)
            return self.holder()
        if command == 3:
            return DONE, b"".join(bytes([len(name)]) + name for name in self.licences)
        if command == 4:
            return (DONE, self.licences[payload]) if payload in self.licences else (NOTHING, b"")
        if command == 5:
            name, licence = payload[1 : 1 + payload[0]], payload[1 + payload[0] :]
            others = sum(len(it) for key, it in self.licences.items() if key != name)
            if others + len(licence) > self.fault.get("room", 1 << 20):
                return FULL, b""
            self.licences[name] = licence
            return DONE, b""
        if command == 6:
            self.licences.pop(payload, None)
            return DONE, b""
        if command in (7, 8) and not self.signing:
            return NOTHING, b""
        if command == 7:
            key = ec.generate_private_key(ec.SECP256R1()) if "forged" in self.fault else self.signing
            signature = key.sign(payload, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
            r, s = utils.decode_dss_signature(signature)
            return DONE, r.to_bytes(32, "big") + s.to_bytes(32, "big")
        if command == 8:
            oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
            try:
                return DONE, self.decrypting.decrypt(payload, oaep)
            except ValueError:
                return WRONG, b""
        if command == 9:
            if self.tries == 0:
                return BLOCKED, b""
            self.unlocked = payload == PIN
            self.tries = 3 if self.unlocked else self.tries - 1
            return (DONE if self.unlocked else WRONG_PIN), b""
        if command == 10:
            return DONE, self.certificate
        return UNKNOWN, b""

    def take(self, data):
        """Bytes for bulk OUT."""
        self.buffer += data
        if len(self.buffer) < 8:
            return
        command, _, number, length = struct.unpack_from("<BBHI", self.buffer)
        if len(self.buffer) < 8 + length:
            return
        payload, self.buffer = self.buffer[8 : 8 + length], self.buffer[8 + length :]
        status, answer = self.do(command, payload)
        if "long" in self.fault:
            self.answer = struct.pack("<BBHI", command | 0x80, 0, number, 0xFFFFFFF0) + bytes(100)
        elif "garbage" in self.fault:
            self.answer = os.urandom(200)
        else:
            self.answer = struct.pack("<BBHI", command | 0x80, status, number, len(answer)) + answer


class Device(UMockdev.IoctlBase):
    """A key on the bus: what the kernel's usbfs would do for it."""

    def __init__(self, bus, key):
        super().__init__()
        self.bus, self.key = bus, key
        self.waiting, self.done = [], []
        self.gone = False
        self.commands = 0

    def transfer(self, kind, endpoint, data):
        """The status, the bytes that came, and where they go; None while nothing comes."""
        if kind == CONTROL:
            direction, request, _, _, length = struct.unpack("<BBHHH", data[:8])
            if (direction, request) == (0xC1, 1):
                hello = self.key.hello()[:length]
                return 0, len(hello), hello, 8
            if (direction, request) == (0x41, 2):
                self.key.reset()
                return 0, 0, None, 0
            if (direction, request) == (0x80, 6):
                text = self.string(data[2], data[3])
                if text is not None:
                    return 0, len(text[:length]), text[:length], 8
            return -32, 0, None, 0
        if kind == BULK and not endpoint & 0x80:
            self.commands += 1
            if self.commands == self.key.fault.get("pull_at"):
                self.key.fault.pop("pull_at")
                self.gone = True
                GLib.idle_add(self.bus.pull, self.key.serial)
                return SHUT_DOWN
            self.key.take(data)
            return 0, len(data), None, 0
        if kind == BULK:
            if not self.key.answer or "silent" in self.key.fault:
                return None
            part, self.key.answer = self.key.answer[: len(data)], self.key.answer[len(data) :]
            return 0, len(part), part, 0
        return -32, 0, None, 0

    def string(self, index, kind):
        if kind != 3:
            return None
        if index == 0:
            return struct.pack("<BBH", 4, 3, 0x409)
        texts = {1: "Test maker", 2: "Licence key", 3: self.key.serial}
        if index not in texts:
            return None
        text = texts[index].encode("utf-16-le")
        return struct.pack("<BB", 2 + len(text), 3) + text

    def do_handle_ioctl(self, client):
        try:
            return self.handle(client)
        except Exception as error:  # whatever it is, the program under test must not wait for ever
            print("model:", repr(error), file=sys.stderr, flush=True)
            client.complete(-1, NO_DEVICE)
            return True

    def handle(self, client):
        request, argument = client.get_property("request") & 0xFFFFFFFF, client.get_property("arg")
        if self.gone:
            self.done += [(urb, buffer, *SHUT_DOWN) for urb, buffer in self.waiting]
            self.waiting = []
        if self.gone and request not in (REAP, REAP_NOW):
            client.complete(-1, NO_DEVICE)
            return True
        if request == CAPABILITIES:
            argument.resolve(0, 4).update(0, struct.pack("<I", 0))
            client.complete(0, 0)
        elif request in (CLAIM, RELEASE, CLEAR_HALT):
            client.complete(0, 0)
        elif request == DISCARD:
            if self.waiting:
                urb, buffer = self.waiting.pop(0)
                self.done.append((urb, buffer, -2, 0, None, 0))
            client.complete(0, 0)
        elif request == DRIVER:
            client.complete(-1, NO_DATA)
        elif request == SUBMIT:
            urb = argument.resolve(0, 56)
            raw = bytes(urb.retrieve())
            buffer = urb.resolve(16, struct.unpack_from("<i", raw, 24)[0])
            result = self.transfer(raw[0], raw[1], bytes(buffer.retrieve()))
            if result is None:
                self.waiting.append((urb, buffer))
            else:
                self.done.append((urb, buffer, *result))
            client.complete(0, 0)
        elif request in (REAP, REAP_NOW):
            if self.gone and not self.done:
                client.complete(-1, NO_DEVICE)
                return True
            if not self.done:
                client.complete(-1, AGAIN)
                return True
            urb, buffer, status, length, data, offset = self.done.pop(0)
            if data is not None:
                buffer.update(offset, data)
            urb.update(4, struct.pack("<i", status))
            urb.update(28, struct.pack("<i", length))
            argument.resolve(0, 8).set_ptr(0, urb)
            client.complete(0, 0)
        else:
            client.complete(-1, NO_TTY)
        return True


class Bus:
    """The bus with its root hub."""

    HUB = "/sys/devices/pci0000:00/0000:00:14.0/usb1"
    DESCRIPTOR = bytes.fromhex("12011002000000400912010000010102030109022000010100803209040000" + "02FF4C330007058102000200" + "07050102000200")

    def __init__(self):
        self.testbed = UMockdev.Testbed.new()
        hub = bytes.fromhex("12010002090001406B1D020010060302010109021900010100E0000904000001090000000705810304000C")
        self.add("usb1", None, 1, hub, "1d6b", "0002")
        self.keys, self.devices = {}, {}
        self.last = 1

    def add(self, name, parent, number, descriptors, vendor, product):
        node = f"/dev/bus/usb/001/{number:03}"
        path = self.HUB if parent is None else f"{self.HUB}/{name}"
        text = "\n".join([
            f"P: {path.removeprefix('/sys')}",
            f"N: bus/usb/001/{number:03}={descriptors.hex().upper()}",
            f"E: DEVNAME={node}", "E: DEVTYPE=usb_device", "E: SUBSYSTEM=usb", "E: BUSNUM=001",
            f"E: DEVNUM={number:03}", "E: MAJOR=189", f"E: MINOR={number - 1}",
            "A: busnum=1", f"A: devnum={number}", "A: speed=480", "A: bConfigurationValue=1",
            "A: bNumConfigurations=1", f"A: idVendor={vendor}", f"A: idProduct={product}",
            f"H: descriptors={descriptors.hex().upper()}", "", "",
        ])
        self.testbed.add_from_string(text)
        return node, path

    def plug(self, serial):
        key = self.keys.setdefault(serial, Key(serial))
        key.reset()
        self.last += 1
        node, path = self.add(f"1-{self.last}", "usb1", self.last, self.DESCRIPTOR, "1209", "0001")
        device = Device(self, key)
        self.testbed.attach_ioctl(node, device)
        self.devices[serial] = (device, node, path)
        return node

    def pull(self, serial):
        if serial in self.devices:
            device, node, path = self.devices.pop(serial)
            device.gone = True
            self.testbed.remove_device(path)
            root = self.testbed.get_root_dir()
            if os.path.exists(root + node):
                os.remove(root + node)
        return False

    def obey(self, line):
        word, serial, *rest = line.split()
        if word == "plug":
            return self.plug(serial)
        if word == "pull":
            self.pull(serial)
        elif word == "certify":
            self.keys[serial].certificate = open(rest[0], "rb").read()
        elif word == "set":
            if rest[0] == "nothing":
                self.keys[serial].fault.clear()
            else:
                assert rest[0] in Key.faults, rest
                self.keys[serial].fault[rest[0]] = int(rest[1]) if rest[1:] else True
                if rest[0] == "pull_at":
                    self.devices[serial][0].commands = 0
        else:
            raise ValueError(line)
        return "done"


def main():
    bus, loop = Bus(), GLib.MainLoop()
    environment = {name: os.environ[name] for name in ("LD_PRELOAD", "UMOCKDEV_DIR") if name in os.environ}
    environment["UMOCKDEV_DIR"] = bus.testbed.get_root_dir()
    print(json.dumps(environment), flush=True)

    def obey(line):
        try:
            print(bus.obey(line), flush=True)
        except Exception as error:
            print("failed:", repr(error), flush=True)
        return False

    def listen():
        for line in sys.stdin:
            GLib.idle_add(obey, line)
        GLib.idle_add(loop.quit)

    threading.Thread(target=listen, daemon=True).start()
    loop.run()


main()
