#!/usr/bin/env python3
"""A client of a mediation server, written from docs/PROTOCOL.md and none of Buri's own code: it registers, comes back and
logs in, makes a network and asks for its keys, in suite 1 or 2. Python's standard library and python3-cryptography (Debian)
are enough.

    client.py INVITE SUITE NETWORK

prints what it learnt as one line of JSON and stays until its standard input ends; exits 1 where the server is not as the
document says."""

import base64
import hashlib
import hmac
import json
import os
import re
import socket
import struct
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mlkem768 import decapsulate, generate

NICK = "snake"
PRIME = int(
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b"
    "302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe6"
    "49286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb9ed529077096966d"
    "670c354e4abc9804f1746c08ca18217c32905e462e36ce3be39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf695581718"
    "3995497cea956ae515d2261898fa051015728e5a8aacaa68ffffffffffffffff",
    16,
)


def demand(what, holds):
    if not holds:
        sys.exit("the server is not as the document says: " + what)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def sha1(data):
    return hashlib.sha1(data).digest()


def mac(hash, key, *parts):
    return hmac.new(key, b"".join(parts), hash).digest()


def u16(value):
    return struct.pack(">H", value)


def u32(value):
    return struct.pack(">I", value)


def u64(value):
    return struct.pack(">Q", value)


def blob(data):
    return u16(len(data)) + data


class Reader:
    """Big-endian fields from the front of bytes."""

    def __init__(self, data):
        self.data = data

    def take(self, length):
        demand("a message is too short", length <= len(self.data))
        taken, self.data = self.data[:length], self.data[length:]
        return taken

    def int(self, length):
        return int.from_bytes(self.take(length), "big")

    def blob(self):
        return self.take(self.int(2))


def ssh_rsa_blob(public):
    def string(data):
        return u32(len(data)) + data

    def mpint(value):
        return string(value.to_bytes(value.bit_length() // 8 + 1, "big"))

    numbers = public.public_numbers()
    return string(b"ssh-rsa") + mpint(numbers.e) + mpint(numbers.n)


def read_ssh_rsa(data):
    reader = Reader(data)
    name, e, n = (reader.take(reader.int(4)) for _ in range(3))
    demand("its blob is no ssh-rsa", name == b"ssh-rsa" and reader.data == b"")
    return rsa.RSAPublicNumbers(int.from_bytes(e, "big"), int.from_bytes(n, "big")).public_key()


class Stream:
    """A TCP connection that carries frames."""

    def __init__(self, host, port):
        self.socket = socket.create_connection((host, port), 10)

    def read(self, length):
        data = b""
        while len(data) < length:
            more = self.socket.recv(length - len(data))
            demand("it closed the connection", more != b"")
            data += more
        return data

    def frame(self):
        size = self.read(4)
        return size + self.read(int.from_bytes(size, "big"))

    def send_plain(self, kind, body):
        frame = u32(len(body) + 1) + bytes([kind]) + body
        self.socket.sendall(frame)
        return frame

    def plain(self, kind):
        frame = self.frame()
        demand("a frame of another type", frame[4] == kind)
        return frame, frame[5:]


class ClassicStream:
    """Protected messages of suite 1 (section 4)."""

    def __init__(self, stream, ke, ka):
        self.stream, self.ke, self.ka = stream, ke, ka
        self.own, self.other = 1, 2

    def send(self, plaintext):
        count = 16 - len(plaintext) % 16
        iv = os.urandom(16)
        cipher = Cipher(algorithms.AES(self.ke), modes.CBC(iv)).encryptor()
        sealed = cipher.update(plaintext + bytes([count]) * count) + cipher.finalize()
        body = u32(4 + len(sealed) + 16 + 12) + u32(self.own) + sealed + iv
        self.stream.socket.sendall(body + mac("sha1", self.ka, body)[:12])
        self.own += 2

    def receive(self):
        frame = self.stream.frame()
        body, tag = frame[:-12], frame[-12:]
        demand("a wrong mac", mac("sha1", self.ka, body)[:12] == tag)
        demand("a wrong id", int.from_bytes(body[4:8], "big") == self.other)
        self.other += 2
        cipher = Cipher(algorithms.AES(self.ke), modes.CBC(body[-16:])).decryptor()
        padded = cipher.update(body[8:-16]) + cipher.finalize()
        return padded[: -padded[-1]]


class ModernStream:
    """Protected messages of suite 2 (section 5), with AES-256-GCM, the one AEAD that is offered."""

    def __init__(self, stream, data_i, data_r):
        self.stream, self.keys = stream, {"i": data_i, "r": data_r}
        self.counts = {"i": 0, "r": 0}

    def parts(self, side, length):
        key, salt = self.keys[side][:32], self.keys[side][32:]
        counter = u64(self.counts[side])
        self.counts[side] += 1
        return AESGCM(key), salt[:4] + counter, counter + b"\x17\x03\x03" + u16(length)

    def send(self, plaintext):
        aead, nonce, data = self.parts("i", len(plaintext))
        sealed = aead.encrypt(nonce, plaintext, data)
        self.stream.socket.sendall(u32(len(sealed)) + sealed)

    def receive(self):
        sealed = self.stream.frame()[4:]
        aead, nonce, data = self.parts("r", len(sealed) - 16)
        return aead.decrypt(nonce, sealed, data)


class Client:
    """One account at one server."""

    def __init__(self, invite, suite):
        match = re.fullmatch(r"buri://(.+):(\d+)/#([A-Za-z0-9_-]+)", invite)
        demand("the invite has another form", match)
        self.place = (match[1].strip("[]"), int(match[2]))
        key = base64.urlsafe_b64decode(match[3] + "=" * (-len(match[3]) % 4))
        demand("the invite's key", len(key) == 85 and key[0] == 1)
        self.server, self.server_sha1, self.server_sha256 = key[1:33], key[33:53], key[53:]
        self.suite, self.address = suite, 0
        self.ed25519 = ed25519.Ed25519PrivateKey.generate()
        raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
        self.public = self.ed25519.public_key().public_bytes(*raw)
        self.rsa = rsa.generate_private_key(65537, 2048) if suite == 1 else None
        self.requests = 0

    def connect(self):
        """Logs in, or registers the first time; reads until SYNCHRONISED. Gives WELCOME's body and the NETWORK bodies."""
        stream = Stream(*self.place)
        self.stream = self.log_in_classic(stream) if self.suite == 1 else self.log_in_modern(stream)
        kind, request, welcome = self.receive()
        demand("the first message is WELCOME", (kind, request) == (0x21, 0))
        networks = []
        while kind != 0x45:
            kind, _, body = self.receive()
            if kind == 0x40:
                networks.append(body)
        return welcome, networks

    def log_in_classic(self, stream):
        ni, private = os.urandom(128), int.from_bytes(os.urandom(40), "big") | 1 << 319
        gi = pow(2, private, PRIME).to_bytes(256, "big")
        kfp = ":".join(f"{byte:02x}" for byte in self.server_sha1).encode()
        helo = stream.send_plain(1, u32(1) + kfp + ni + gi)
        ok, body = stream.plain(2)
        demand("HELO OK is 385 bytes", len(ok) == 4 + 385)
        nr, gr = body[:128], body[128:]
        y = int.from_bytes(gr, "big")
        demand("its public value", 2 <= y <= PRIME - 2 and gr != gi)
        shared = pow(y, private, PRIME).to_bytes(256, "big")
        keymat, block = b"", b""
        for n in range(1, 5):
            block = mac("sha1", shared, block, ni, nr, bytes([n]))
            keymat += block
        protected = ClassicStream(stream, keymat[:32], keymat[32:52])
        if self.address == 0:
            binding = sha256(helo, ok)

            def proof(kind, public):
                return b"buri1 register\0" + bytes([kind]) + binding + sha256(public)

            own = ssh_rsa_blob(self.rsa.public_key())
            rsa_proof = self.rsa.sign(proof(1, own), padding.PKCS1v15(), hashes.SHA256())
            keys = b"\x02\x01" + blob(own) + blob(rsa_proof)
            keys += b"\x02" + blob(self.public) + blob(self.ed25519.sign(proof(2, self.public)))
            protected.send(b"\x12" + blob(NICK.encode()) + keys)
        else:
            signature = self.rsa.sign(u32(1) + ni + nr + gi + gr, padding.PKCS1v15(), hashes.SHA1())
            protected.send(b"\x10" + u32(self.address) + blob(signature))
        answer = Reader(protected.receive())
        demand("the login is taken", answer.int(1) == (0x13 if self.address == 0 else 0x11))
        if self.address == 0:
            self.address = answer.int(4)
        server, signature = answer.blob(), answer.blob()
        demand("nothing follows", answer.data == b"")
        pinned = (sha1(server), sha256(server)) == (self.server_sha1, self.server_sha256)
        demand("the key is that of the invite", pinned)
        read_ssh_rsa(server).verify(signature, nr + ni + gr + gi, padding.PKCS1v15(), hashes.SHA1())
        return protected

    def log_in_modern(self, stream):
        ni, private, (ek, dk) = os.urandom(32), x25519.X25519PrivateKey.generate(), generate(os.urandom(64))
        raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
        xi = private.public_key().public_bytes(*raw)
        fingerprint = sha256(self.server)
        suites, offers = b"\x01" + u32(2), b"\x01\x01" + u32(1000)
        stream.send_plain(1, u32(2) + b"\x01" + fingerprint + u32(0) + suites + offers + ni + xi + ek)
        _, body = stream.plain(2)
        reader = Reader(body)
        demand("version 1", reader.int(1) == 1)
        capabilities = reader.int(4)
        theirs = reader.data
        suites_r = theirs[: 1 + 4 * theirs[0]]
        theirs = theirs[len(suites_r) :]
        offers_r = theirs[: 1 + 5 * theirs[0]]
        reader.take(len(suites_r) + len(offers_r))
        nr, xr, ct = reader.take(32), reader.take(32), reader.take(1088)
        signature, server_mac = reader.take(64), reader.take(32)
        demand("nothing follows", reader.data == b"")
        fixed = u32(0) * 2 + bytes(32) + fingerprint + u32(0) * 2 + b"\0" + u32(0)
        said = suites + suites_r + offers + offers_r + u32(0) + u32(capabilities)
        th = sha256(b"buri suite2\x01\x01", said, fixed, ni, nr, xi, xr, ek, ct, bytes(32))
        shared = private.exchange(x25519.X25519PublicKey.from_public_bytes(xr))
        prk = mac("sha256", th, decapsulate(dk, ct), shared)

        def expand(label, length):
            output, block = b"", b""
            for n in range(1, length // 32 + 2):
                block = mac("sha256", prk, block, b"buri suite2 " + label, bytes([n]))
                output += block
            return output[:length]

        def identity(key, side, address, who):
            return mac("sha256", key, b"buri suite2 identity " + side + b"\0", u32(address), who, th)

        server = ed25519.Ed25519PublicKey.from_public_bytes(self.server)
        server.verify(signature, b"buri suite2 login server\0" + th)
        demand("its mac", server_mac == identity(expand(b"confirm r", 32), b"r", 0, fingerprint))
        protected = ModernStream(stream, expand(b"data i", 44), expand(b"data r", 44))
        own = sha256(self.public)
        role = b"register client" if self.address == 0 else b"login client"
        th2 = sha256(th, u32(self.address), own)
        proof = self.ed25519.sign(b"buri suite2 " + role + b"\0" + th2)
        proof += identity(expand(b"confirm i", 32), b"i", self.address, own)
        named = blob(NICK.encode()) if self.address == 0 else u32(self.address)
        protected.send((b"\x12" if self.address == 0 else b"\x10") + named + self.public + proof)
        answer = Reader(protected.receive())
        demand("the login is taken", answer.int(1) == (0x13 if self.address == 0 else 0x11))
        if self.address == 0:
            self.address = answer.int(4)
        demand("nothing follows", answer.data == b"")
        return protected

    def receive(self):
        """Type, requestId and the rest; a PING is answered in between."""
        while True:
            reader = Reader(self.stream.receive())
            kind, request = reader.int(1), reader.int(4)
            if kind != 0x22:
                return kind, request, reader.data
            self.stream.send(b"\x23" + u32(request) + u64(0))

    def ask(self, kind, body):
        """Gives the payload of RESULT and the pushes that came before it."""
        self.requests += 1
        self.stream.send(bytes([kind]) + u32(self.requests) + body)
        pushes = []
        while True:
            got, request, rest = self.receive()
            if (got, request) == (0x20, self.requests):
                reader = Reader(rest)
                code, words = reader.int(2), reader.blob().decode()
                demand(f"request {kind:#x} succeeds: {code} {words}", code == 0)
                return reader.data, pushes
            pushes.append((got, rest))

    def close(self):
        self.stream.send(b"\x24" + u32(0) + b"\x01" + u32(0))
        self.stream.stream.socket.close()


def operation():
    return os.urandom(8)


def main():
    invite, suite, name = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode()
    client = Client(invite, suite)
    welcome, networks = client.connect()
    client_id, address = struct.unpack(">II", welcome[:8])
    demand("WELCOME names the address", address == client.address)
    demand("a newcomer is in no network", networks == [])
    client.close()
    welcome, _ = client.connect()
    demand("the account is the same", struct.unpack(">II", welcome[:8]) == (client_id, address))
    payload, pushes = client.ask(0x30, operation() + blob(name) + b"\0" + bytes(32) + b"\1")
    network = Reader(payload).int(4)
    told = [Reader(body) for kind, body in pushes if kind == 0x40]
    demand("NETWORK tells of it", len(told) == 1 and told[0].int(4) == network and told[0].blob() == name)
    keys, _ = client.ask(0x55, u32(client_id))
    reader = Reader(keys)
    held = [(reader.int(1), reader.blob()) for _ in range(reader.int(2))]
    demand("the keys are ours", (2, client.public) in held and len(held) == (2 if suite == 1 else 1))
    again, _ = client.ask(0x26, operation() + blob("snake again".encode()))
    demand("SET NICK gives nothing", again == b"")
    print(json.dumps({"clientId": client_id, "address": address, "network": network}), flush=True)
    sys.stdin.read()
    client.close()


main()
