#!/usr/bin/env python3
"""Checks protocol.json against docs/PROTOCOL.md with none of Buri's own code: layouts, hashes, MACs, key derivation,
signatures, ciphers. Python's standard library and python3-cryptography (Debian) are enough; what only newer versions of it
can do (ML-KEM-768, Argon2id) is checked where they can. Says "ok" and exits 0, or says what is wrong and exits 1."""

import base64
import hashlib
import hmac
import json
import os
import struct
import sys
import unicodedata

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

TEXTS = {"invite", "name", "nameKey", "password", "messageText"}
SPI_I, SPI_R = 0x01020304, 0x85060708
ADDRESS_I, ADDRESS_R = 0x0A140102, 0x0A140305
ENDPOINT = bytes(10) + b"\xff\xff" + bytes([203, 0, 113, 5]) + struct.pack(">H", 40000)
ZERO32 = bytes(32)
checks = 0


def check(what, holds):
    global checks
    checks += 1
    if not holds:
        sys.exit("wrong: " + what)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def mac(key, *parts, hash="sha256"):
    return hmac.new(key, b"".join(parts), hash).digest()


def u32(value):
    return struct.pack(">I", value)


def u64(value):
    return struct.pack(">Q", value)


def verified(verify, *args):
    try:
        verify(*args)
        return True
    except InvalidSignature:
        return False


def signed(public, signature, *parts):
    """Ed25519."""
    key = ed25519.Ed25519PublicKey.from_public_bytes(public)
    return verified(key.verify, signature, b"".join(parts))


def rsa_signed(blob, signature, hash, *parts):
    return verified(rsa_key(blob).verify, signature, b"".join(parts), padding.PKCS1v15(), hash)


def rsa_key(blob):
    reader = Reader(blob)
    name, e, n = (reader.take(reader.int(4)) for _ in range(3))
    reader.done("ssh-rsa blob")
    check("ssh-rsa blob", name == b"ssh-rsa" and e == b"\x01\x00\x01" and n[0] == 0 and n[1] >= 0x80)
    return rsa.RSAPublicNumbers(65537, int.from_bytes(n, "big")).public_key()


class Reader:
    """Big-endian fields from the front of bytes."""

    def __init__(self, data):
        self.data = data

    def take(self, length):
        check("message is long enough", length <= len(self.data))
        taken, self.data = self.data[:length], self.data[length:]
        return taken

    def int(self, length):
        return int.from_bytes(self.take(length), "big")

    def blob(self):
        return self.take(self.int(2))

    def text(self):
        text = self.blob().decode("utf-8")
        check("text is NFC without controls", unicodedata.normalize("NFC", text) == text)
        check("text has no controls", not any(unicodedata.category(c) == "Cc" for c in text))
        return text

    def done(self, what):
        check("end of " + what, self.data == b"")

    def fields(self, layout):
        """`u8 u16 u32 u64 flag`, a number of bytes, `blob text endpoint rest`, `[layout]` a list, `(layout)` a short list."""
        values = {}
        for name, kind in layout:
            values[name] = self.field(kind)
        return values

    def field(self, kind):
        if isinstance(kind, int):
            return self.take(kind)
        if isinstance(kind, list):
            return [self.fields(kind) for _ in range(self.int(2))]
        if isinstance(kind, tuple):
            return [self.fields(kind[0]) for _ in range(self.int(1))]
        if kind == "rest":
            return self.take(len(self.data))
        if kind == "endpoint":
            return self.take(18)
        if kind in ("blob", "text"):
            return getattr(self, kind)()
        value = self.int({"u8": 1, "flag": 1, "u16": 2, "u32": 4, "u64": 8}[kind])
        check("flag", kind != "flag" or value < 2)
        return value


def read(data, layout, what):
    reader = Reader(data)
    values = reader.fields(layout)
    reader.done(what)
    return values


SUITES = ([("suite", "u32")],)
OFFERS = ([("aead", "u8"), ("cost", "u32")],)


def encode_suites(suites):
    return bytes([len(suites)]) + b"".join(u32(s["suite"]) for s in suites)


def encode_offers(offers):
    return bytes([len(offers)]) + b"".join(bytes([o["aead"]]) + u32(o["cost"]) for o in offers)


# ---- Inputs --------------------------------------------------------------------------------------------------------


def made(name, length):
    blocks = (sha256(b"buri example " + name.encode(), bytes([0, n])) for n in range(length // 32 + 1))
    return b"".join(blocks)[:length]


MADE = "Ed25519Seed classicNi classicNr xI xR Ni Nr x25519PrivateI x25519PrivateR ekSeed encapsulation Iv peerSecret"
MADE += " cookieSecret messageId discoveryKey sessionId relayId relayKey ticketId relayCookieSecret sealed inviteSecret binding"


def check_made(sections):
    for section, values in sections.items():
        for name, value in values.items():
            isDerived = (section, name) in {("sealedNetwork", "peerSecret"), ("classicLogin", "binding")}
            if not isDerived and name.endswith(tuple(MADE.split())):
                check(f"random {section}.{name}", value == made(name, len(value)))


def check_inputs(v):
    raw = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    for who in ["server", "initiator", "responder"]:
        pair = ed25519.Ed25519PrivateKey.from_private_bytes(v[who + "Ed25519Seed"])
        check(who + " key", pair.public_key().public_bytes(*raw) == v[who + "Ed25519"])
        check(who + " fingerprint", sha256(v[who + "Ed25519"]) == v[who + "Fingerprint"])
        private = serialization.load_der_private_key(v[who + "RsaPrivate"], None)
        numbers = private.public_key().public_numbers()
        check(who + " ssh-rsa", rsa_key(v[who + "SshRsa"]).public_numbers() == numbers)
        check(who + " RSA fingerprint", sha256(v[who + "SshRsa"]) == v[who + "RsaFingerprint"])
    sha1 = hashlib.sha1(v["serverSshRsa"]).digest()
    check("serverKfp", v["serverKfp"] == ":".join(f"{b:02x}" for b in sha1).encode())
    key = b"\x01" + v["serverEd25519"] + sha1 + v["serverRsaFingerprint"]
    text = base64.urlsafe_b64encode(key).decode().rstrip("=")
    check("invite", v["invite"] == f"buri://vpn.example.org:12975/#{text}")
    for end in "IR":
        pair = x25519.X25519PrivateKey.from_private_bytes(v["x25519Private" + end])
        check("X" + end, pair.public_key().public_bytes(*raw) == v["X" + end.lower()])
        x = int.from_bytes(v["x" + end], "big")
        check("320 bits", x.bit_length() == 320)
        check("G" + end, pow(2, x, PRIME).to_bytes(256, "big") == v["G" + end.lower()])
    check_mlkem(v)


def check_mlkem(v):
    try:
        from cryptography.hazmat.primitives.asymmetric import mlkem

        pair = mlkem.MLKEM768PrivateKey.from_seed_bytes(v["ekSeed"])
    except Exception:  # older versions lack the module, some builds the algorithm
        return
    check("ek", pair.public_key().public_bytes_raw() == v["ek"])
    check("mlkemSecret", pair.decapsulate(v["ct"]) == v["mlkemSecret"])


PRIME_HEX = (
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b"
    "302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe6"
    "49286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb9ed529077096966d"
    "670c354e4abc9804f1746c08ca18217c32905e462e36ce3be39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf695581718"
    "3995497cea956ae515d2261898fa051015728e5a8aacaa68ffffffffffffffff"
)
PRIME = int(PRIME_HEX, 16)

# ---- Suite 1 -------------------------------------------------------------------------------------------------------


def classic_keys(v, inputs):
    k = pow(int.from_bytes(inputs["Gr"], "big"), int.from_bytes(inputs["xI"], "big"), PRIME).to_bytes(256, "big")
    check("K", v["K"] == k)
    nonces = inputs["classicNi"] + inputs["classicNr"]
    keymat, block = b"", b""
    for n in range(1, 5):
        block = mac(k, block, nonces, bytes([n]), hash="sha1")
        keymat += block
    check("KEYMAT", v["KEYMAT"] == keymat)
    check("keys", (v["Ke"], v["Ka"], v["Kc"]) == (keymat[:32], keymat[32:52], keymat[52:72]))
    return v["Ke"], v["Ka"], v["Kc"]


def open_classic(message, ke, ka):
    body, tag = message[:-12], message[-12:]
    check("mac of a protected message", mac(ka, body, hash="sha1")[:12] == tag)
    cipher = Cipher(algorithms.AES(ke), modes.CBC(body[-16:])).decryptor()
    padded = cipher.update(body[8:-16]) + cipher.finalize()
    count = padded[-1]
    check("padding", 1 <= count <= 16 and padded[-count:] == bytes([count]) * count)
    return padded[:-count]


def plain_frame(frame, kind):
    reader = Reader(frame)
    check("size", reader.int(4) == len(frame) - 4)
    check("type", reader.int(1) == kind)
    return reader.data


def check_classic_login(v, inputs):
    helo = read(plain_frame(v["helo"], 1), [("suite", "u32"), ("kfp", 59), ("ni", 128), ("gi", 256)], "HELO")
    answer = read(plain_frame(v["heloOk"], 2), [("nr", 128), ("gr", 256)], "HELO OK")
    check("HELO is 448", len(v["helo"]) == 4 + 448 and len(v["heloOk"]) == 4 + 385)
    check("HELO", (helo["suite"], helo["kfp"]) == (1, inputs["serverKfp"]))
    ni, nr, gi, gr = inputs["classicNi"], inputs["classicNr"], inputs["Gi"], inputs["Gr"]
    check("values", (helo["ni"], helo["gi"], answer["nr"], answer["gr"]) == (ni, gi, nr, gr))
    ke, ka, _ = classic_keys(v, inputs)
    check("binding", v["binding"] == sha256(v["helo"], v["heloOk"]))
    plain = {}
    for name, number in [("register", 1), ("registerOk", 2), ("auth", 1), ("authOk", 2)]:
        size, id = struct.unpack(">II", v[name][:8])
        check(name + " header", (size, id) == (len(v[name]) - 4, number))
        check(name + " iv", v[name][-28:-12] == v[name + "Iv"])
        plain[name] = open_classic(v[name], ke, ka)
        check(name, plain[name] == v[name + "Plaintext"])
    key = [("type", "u8"), ("key", "blob"), ("proof", "blob")]
    register = read(plain["register"], [("is", "u8"), ("nick", "text"), ("keys", (key,))], "REGISTER")
    check("REGISTER", register["is"] == 0x12 and register["nick"] == "zoë")
    for offered in register["keys"]:
        proof = [b"buri1 register\0", bytes([offered["type"]]), v["binding"], sha256(offered["key"])]
        check("proof is shown", offered["proof"] in (v["rsaProof"], v["ed25519Proof"]))
        if offered["type"] == 1:
            check("RSA proof", rsa_signed(offered["key"], offered["proof"], hashes.SHA256(), *proof))
        else:
            check("Ed25519 proof", signed(offered["key"], offered["proof"], *proof))
    signed_by = [("key", "blob"), ("signature", "blob")]
    for name, layout in [("registerOk", [("is", "u8"), ("address", "u32")]), ("authOk", [("is", "u8")])]:
        answer = read(plain[name], layout + signed_by, name)
        check(name + " key", answer["key"] == inputs["serverSshRsa"])
        check(name + " is shown", answer["signature"] == v["serverSignature"])
        check(name, rsa_signed(answer["key"], answer["signature"], hashes.SHA1(), nr, ni, gr, gi))
    auth = read(plain["auth"], [("is", "u8"), ("identity", "u32"), ("signature", "blob")], "AUTH")
    check("AUTH identity", (auth["identity"], auth["signature"]) == (ADDRESS_I, v["clientSignature"]))
    check("AUTH", rsa_signed(inputs["initiatorSshRsa"], auth["signature"], hashes.SHA1(), u32(1), ni, nr, gi, gr))


EXCHANGE = [("zero", "u32"), ("type", "u8"), ("spi", "u32")]


def exchange(datagram, kind, spi, layout, what):
    values = read(datagram, EXCHANGE + layout, what)
    check(what, (values["zero"], values["type"], values["spi"]) == (0, kind, spi))
    return values


def check_classic_peers(v, inputs):
    ni, nr, gi, gr = inputs["classicNi"], inputs["classicNr"], inputs["Gi"], inputs["Gr"]
    layout = [("cookie", 16), ("ni", 128), ("gi", 256), ("zeros", 498)]
    ke1 = exchange(v["ke1"], 0x11, SPI_R, layout, "KE1")
    check("KE1 is 907", len(v["ke1"]) == 907 and ke1["zeros"] == bytes(498) and (ke1["ni"], ke1["gi"]) == (ni, gi))
    ke2 = exchange(v["ke2"], 0x12, SPI_I, [("nr", 128), ("gr", 256), ("signature", "blob")], "KE2")
    check("KE2", rsa_signed(inputs["responderSshRsa"], ke2["signature"], hashes.SHA1(), nr, ni, gr, gi))
    layout = [("ni", 128), ("gi", 256), ("signature", "blob"), ("confirm", 68)]
    ke3 = exchange(v["ke3"], 0x13, SPI_R, layout, "KE3")
    check("KE3", rsa_signed(inputs["initiatorSshRsa"], ke3["signature"], hashes.SHA1(), ni, nr, gi, gr))
    check("exchange hash", v["exchangeHash"] == sha256(v["ke1"], v["ke2"], v["ke3"][:-68]))
    ke, ka, kc = classic_keys(v, inputs)
    confirm = exchange(v["confirm"], 0x14, SPI_I, [("confirm", 68)], "CONFIRM")
    ends = u32(ADDRESS_I) + u32(ADDRESS_R) + inputs["initiatorRsaFingerprint"] + inputs["responderRsaFingerprint"]
    ends += u32(SPI_I) + u32(SPI_R) + u32(1) + v["exchangeHash"]
    for role, message, spi in [("initiator", ke3["confirm"], SPI_R), ("responder", confirm["confirm"], SPI_I)]:
        check("CONFIRM header", struct.unpack(">II", message[:8]) == (spi, 1))
        check("CONFIRM is shown", message == v[role + "Confirm"] and message[-28:-12] == v[role + "ConfirmIv"])
        said = b"buri1 confirm" + role[:1].encode() + ends
        frame = open_classic(message, ke, ka)
        check("CONFIRM of " + role, frame == b"\x0a" + mac(kc, said, hash="sha1"))
        check("CONFIRM's steps", (v[role[0] + "ConfirmInput"], v[role[0] + "ConfirmFrame"]) == (said, frame))
    for name, spi in [("packetToResponder", SPI_R), ("packetToInitiator", SPI_I)]:
        check(name, struct.unpack(">II", v[name][:8]) == (spi, 65) and open_classic(v[name], ke, ka) == b"\x03")
        check(name + " iv", v[name][-28:-12] == v[name + "Iv"])


# ---- Suite 2 -------------------------------------------------------------------------------------------------------


def expand(prk, label, length):
    stream, block = b"", b""
    for n in range(1, length // 32 + 2):
        block = mac(prk, block, b"buri suite2 " + label, bytes([n]))
        stream += block
    return stream[:length]


def modern_keys(v, inputs, transcript):
    check("th input", v["thInput"] == transcript)
    check("th", v["th"] == sha256(transcript))
    private = x25519.X25519PrivateKey.from_private_bytes(inputs["x25519PrivateR"])
    secret = private.exchange(x25519.X25519PublicKey.from_public_bytes(inputs["Xi"]))
    check("X25519 secret", v["x25519Secret"] == secret)
    prk = mac(v["th"], inputs["mlkemSecret"], secret)
    check("prk", v["prk"] == prk)
    labels = {"dataI": (b"data i", 44), "dataR": (b"data r", 44), "confirmI": (b"confirm i", 32)}
    labels |= {"confirmR": (b"confirm r", 32), "exporter": (b"exporter", 32)}
    for name, (label, length) in labels.items():
        check(name, v[name] == expand(prk, label, length))


def transcript(purpose, i, r, fixed, inputs, binding):
    said = [b"buri suite2", bytes([purpose, 1]), encode_suites(i["suites"]), encode_suites(r["suites"])]
    said += [encode_offers(i["offers"]), encode_offers(r["offers"]), u32(i["capabilities"]), u32(r["capabilities"])]
    said += [fixed, inputs["Ni"], inputs["Nr"], inputs["Xi"], inputs["Xr"], inputs["ek"], inputs["ct"], binding]
    return b"".join(said)


def identity(key, side, address, fingerprint, th):
    return mac(key, b"buri suite2 identity " + side + b"\0", u32(address), fingerprint, th)


def open_modern(keys, counter, sealed, aead=AESGCM):
    salt = keys[32:]
    if aead is AESGCM:
        nonce = salt[:4] + counter
    else:
        nonce = bytes(a ^ b for a, b in zip(salt, bytes(4) + counter))
    return aead(keys[:32]).decrypt(nonce, sealed, counter + b"\x17\x03\x03" + struct.pack(">H", len(sealed) - 16))


NEGOTIATED = [("capabilities", "u32"), ("suites", SUITES), ("offers", OFFERS)]


def check_modern_login(v, inputs):
    layout = [("suite", "u32"), ("version", "u8"), ("fingerprint", 32), *NEGOTIATED]
    helo = read(plain_frame(v["helo"], 1), layout + [("ni", 32), ("xi", 32), ("ek", 1184)], "HELO")
    check("HELO", (helo["suite"], helo["version"], helo["fingerprint"]) == (2, 1, inputs["serverFingerprint"]))
    check("HELO values", (helo["ni"], helo["xi"], helo["ek"]) == (inputs["Ni"], inputs["Xi"], inputs["ek"]))
    layout = [("version", "u8"), *NEGOTIATED, ("nr", 32), ("xr", 32), ("ct", 1088), ("signature", 64), ("mac", 32)]
    answer = read(plain_frame(v["heloOk"], 2), layout, "HELO OK")
    check("HELO OK values", (answer["nr"], answer["xr"], answer["ct"]) == (inputs["Nr"], inputs["Xr"], inputs["ct"]))
    fixed = bytes(8) + ZERO32 + inputs["serverFingerprint"] + bytes(4 + 4 + 1 + 4)
    modern_keys(v, inputs, transcript(1, helo, answer, fixed, inputs, ZERO32))
    th = v["th"]
    check("server", signed(inputs["serverEd25519"], answer["signature"], b"buri suite2 login server\0", th))
    check("server mac", answer["mac"] == identity(v["confirmR"], b"r", 0, inputs["serverFingerprint"], th))
    for name, keys in [("auth", "dataI"), ("authOk", "dataR"), ("register", "dataI"), ("registerOk", "dataR")]:
        check(name + " size", struct.unpack(">I", v[name][:4])[0] == len(v[name]) - 4)
        check(name, open_modern(v[keys], bytes(8), v[name][4:]) == v[name + "Plaintext"])
    proof = [("key", 32), ("signature", 64), ("mac", 32)]
    auth = read(v["authPlaintext"], [("is", "u8"), ("address", "u32"), *proof], "AUTH")
    register = read(v["registerPlaintext"], [("is", "u8"), ("nick", "text"), *proof], "REGISTER")
    check("types", (auth["is"], register["is"], v["authOkPlaintext"]) == (0x10, 0x12, b"\x11"))
    check("REGISTER OK", v["registerOkPlaintext"] == b"\x13" + u32(ADDRESS_I))
    fingerprint = inputs["initiatorFingerprint"]
    for who, role, address, name in [(auth, b"login", ADDRESS_I, "th2"), (register, b"register", 0, "th2Register")]:
        th2 = sha256(th, u32(address), fingerprint)
        check(name, v[name] == th2 and who["key"] == inputs["initiatorEd25519"])
        check("client", signed(who["key"], who["signature"], b"buri suite2 " + role + b" client\0", th2))
        check("client mac", who["mac"] == identity(v["confirmI"], b"i", address, fingerprint, th))


def check_modern_peers(v, inputs):
    layout = [("cookie", 16), ("hash", 32), ("version", "u8"), ("epoch", "u8"), ("network", "u32"), *NEGOTIATED]
    layout += [("ni", 32), ("xi", 32), ("zeros", "rest")]
    ke1a = exchange(v["ke1a"], 0x21, SPI_R, layout, "KE1a")
    ke1b = exchange(v["ke1b"], 0x22, SPI_R, [("ek", 1184)], "KE1b")
    check("KE1", len(v["ke1a"]) == 300 and not any(ke1a["zeros"]) and ke1a["hash"] == sha256(ke1b["ek"]))
    check("KE1 values", (ke1a["ni"], ke1a["xi"], ke1b["ek"]) == (inputs["Ni"], inputs["Xi"], inputs["ek"]))
    check("KE1 is for network 9", (ke1a["version"], ke1a["epoch"], ke1a["network"]) == (1, 0, 9))
    cookie = mac(v["cookieSecret"], ENDPOINT, u32(SPI_R), ke1a["ni"])[:16]
    check("COOKIE", exchange(v["cookie"], 0x0F, SPI_I, [("cookie", 16)], "COOKIE")["cookie"] == cookie)
    check("KE1a again", v["ke1aWithCookie"] == v["ke1a"][:9] + cookie + v["ke1a"][25:])
    layout = [("hash", 32), ("version", "u8"), *NEGOTIATED, ("nr", 32), ("xr", 32), ("signature", 64), ("mac", 32)]
    ke2a = exchange(v["ke2a"], 0x23, SPI_I, layout, "KE2a")
    ke2b = exchange(v["ke2b"], 0x24, SPI_I, [("ct", 1088)], "KE2b")
    check("KE2 values", (ke2a["version"], ke2a["nr"], ke2a["xr"]) == (1, inputs["Nr"], inputs["Xr"]))
    check("hashes", (v["ekHash"], v["ctHash"]) == (ke1a["hash"], ke2a["hash"]))
    check("KE2", ke2a["hash"] == sha256(ke2b["ct"]) and ke2b["ct"] == inputs["ct"])
    fixed = u32(ADDRESS_I) + u32(ADDRESS_R) + inputs["initiatorFingerprint"] + inputs["responderFingerprint"]
    fixed += u32(SPI_I) + u32(SPI_R) + bytes([0]) + u32(9)
    modern_keys(v, inputs, transcript(2, ke1a, ke2a, fixed, inputs, v["peerSecret"]))
    th, ke3 = v["th"], exchange(v["ke3"], 0x25, SPI_R, [("signature", 64), ("mac", 32)], "KE3")
    check("responder", signed(inputs["responderEd25519"], ke2a["signature"], b"buri suite2 peer responder\0", th))
    check("initiator", signed(inputs["initiatorEd25519"], ke3["signature"], b"buri suite2 peer initiator\0", th))
    fingerprint = inputs["responderFingerprint"]
    check("signature's step", v["responderSignatureInput"] == b"buri suite2 peer responder\0" + th)
    said = b"buri suite2 identity r\0" + u32(ADDRESS_R) + fingerprint + th
    check("mac's step", v["responderMacInput"] == said)
    check("responder mac", ke2a["mac"] == identity(v["confirmR"], b"r", ADDRESS_R, fingerprint, th))
    fingerprint = inputs["initiatorFingerprint"]
    check("initiator mac", ke3["mac"] == identity(v["confirmI"], b"i", ADDRESS_I, fingerprint, th))
    counter, probe = u64(1), b"\x04" + u64(7)
    for name, spi, keys in [("keepalive", SPI_I, "dataR"), ("probe", SPI_R, "dataI"), ("probeChaCha20", SPI_R, "dataI")]:
        check(name + " header", v[name][:12] == u32(spi) + counter)
        aead = ChaCha20Poly1305 if name == "probeChaCha20" else AESGCM
        check(name, open_modern(v[keys], counter, v[name][12:], aead) == (b"\x03" if name == "keepalive" else probe))
    check("PROBE's steps", v["probeFrame"] == probe and v["additionalData"] == counter + b"\x17\x03\x03\0\x09")
    plain, tag = v["probePlainTunnel"][12:-16], v["probePlainTunnel"][-16:]
    associated = counter + b"\x17\x03\x03" + struct.pack(">H", len(plain)) + plain
    check("plain tunnel", plain == probe)
    check("GMAC", AESGCM(v["dataI"][:32]).decrypt(v["dataI"][32:36] + counter, tag, associated) == b"")


# ---- The rest ------------------------------------------------------------------------------------------------------


def ones_complement(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def check_frames(v):
    for name, kind in [("packet", 1), ("packetPartialChecksum", 2)]:
        check(name, v[name][0] == kind)
        packet = v[name][1:]
        check(name + " lengths", struct.unpack(">H", packet[2:4])[0] == len(packet))
        check(name + " header", ones_complement(packet[:20]) == 0xFFFF)
    icmp, udp = v["packet"][21:], v["packetPartialChecksum"][1:]
    check("ICMP checksum", ones_complement(icmp) == 0xFFFF)
    pseudo = udp[12:20] + struct.pack(">HH", 17, len(udp) - 20)
    check("partial checksum", struct.unpack(">H", udp[26:28])[0] == ones_complement(pseudo))
    check("keepalive", v["keepalive"] == b"\x03")
    check("probe", v["probe"] == b"\x04" + u64(7))
    check("probe answer", v["probeAnswer"] == b"\x05" + u64(7) + ENDPOINT)
    check("MTU probe", v["mtuProbe"] == b"\x06" + u64(8) + bytes(11))
    check("MTU answer", v["mtuAnswer"] == b"\x07" + u64(8) + struct.pack(">H", 48))
    check("rekey wanted", v["rekeyWanted"] == b"\x08")
    check("close", v["close"] == b"\x09\x01")
    layout = [("is", "u8"), ("id", 16), ("network", "u32"), ("sentAt", "u64"), ("message", "text")]
    chat = read(v["chat"], layout, "CHAT")
    check("chat", (chat["is"], chat["network"], chat["message"]) == (11, 9, "grüße") and chat["id"] == v["messageId"])
    check("chat ack", v["chatAck"] == b"\x0c" + v["messageId"])
    endpoints = read(v["endpoints"], [("is", "u8"), ("list", (CANDIDATE,))], "ENDPOINTS")
    check("endpoints", (endpoints["is"], endpoints["list"]) == (13, CANDIDATES))


def check_discovery(v):
    layout = [("zero", "u32"), ("type", "u8"), ("session", 8), ("counter", "u64"), ("flags", "u8"), ("zeros", 26), ("mac", 16)]
    asked = read(v["discover"], layout, "DISCOVER")
    check("session", asked["session"] == v["sessionId"])
    check("DISCOVER", (asked["zero"], asked["type"], asked["counter"], asked["zeros"]) == (0, 1, 3, bytes(26)))
    layout = [("zero", "u32"), ("type", "u8"), ("counter", "u64"), ("endpoint", 18), ("socket", "u8"), ("mac", 16)]
    answer = read(v["discovered"], layout, "DISCOVERED")
    check("DISCOVERED", (answer["type"], answer["counter"], answer["endpoint"], answer["socket"]) == (2, 3, ENDPOINT, 1))
    layout = [("zero", "u32"), ("type", "u8"), ("session", 8), ("counter", "u64"), ("endpoint", 18), ("zeros", 9), ("mac", 16)]
    test = read(v["test"], layout, "TEST")
    check("TEST", (test["type"], test["session"], test["counter"]) == (3, v["sessionId"], 4))
    check("TEST endpoint", (test["endpoint"], test["zeros"]) == (ENDPOINT, bytes(9)))
    for name in ["discover", "discovered", "test"]:
        check(name + " mac", v[name][-16:] == mac(v["discoveryKey"], v[name][:-16])[:16])
    check("PUNCH", v["punch"] == bytes(4) + b"\x30" + u32(SPI_R))


def check_relay(v, inputs):
    layout = [("version", "u8"), ("relay", 16), ("spi", "u32"), ("peer", "u32"), ("class", "u8"), ("rate", "u32")]
    layout += [("issued", "u64"), ("expires", "u64"), ("id", 16), ("signature", 64)]
    ticket = read(v["ticket"], layout, "ticket")
    check("ticket", (ticket["version"], ticket["spi"], ticket["peer"], ticket["class"]) == (1, SPI_I, SPI_R, 2))
    check("ticket's names", (ticket["relay"], ticket["id"]) == (v["relayId"], v["ticketId"]))
    body = v["ticket"][:62]
    check("ticket is 126", len(v["ticket"]) == 126)
    check("ticket signature", signed(inputs["serverEd25519"], ticket["signature"], b"buri relay ticket\0", body))
    check("bindSecret", v["bindSecret"] == mac(v["relayKey"], b"buri relay bind\0", body))
    cookie = mac(v["relayCookieSecret"], ENDPOINT)[:16]
    for name, kind, sent in [("firstBind", 0x40, bytes(16)), ("bind", 0x40, cookie), ("unbind", 0x44, cookie)]:
        layout = [("zero", "u32"), ("type", "u8"), ("cookie", 16), ("ticket", "blob"), ("mac", 16)]
        bind = read(v[name], layout, name)
        check(name, (bind["zero"], bind["type"], bind["cookie"], bind["ticket"]) == (0, kind, sent, v["ticket"]))
        check(name + " mac", bind["mac"] == mac(v["bindSecret"], v[name][:-16])[:16] and len(v[name]) == 165)
    check("CHALLENGE", v["challenge"] == bytes(4) + b"\x41" + cookie)
    check("BOUND", v["bound"] == bytes(4) + b"\x42" + u32(SPI_I) + struct.pack(">HB", 60, 2))
    check("REFUSED", v["refused"] == bytes(4) + b"\x43" + u32(SPI_I) + b"\x03")
    check("RELAY STREAM", v["relayStream"] == bytes.fromhex("0000000105"))


def check_sealed_network(v, inputs):
    normal = unicodedata.normalize
    check("name key", normal("NFKC", normal("NFKC", v["name"]).lower()) == v["nameKey"])
    salt = sha256(b"buri sealed network\0", inputs["serverEd25519"], v["nameKey"].encode())[:16]
    check("salt", v["salt"] == salt)
    try:
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

        argon = Argon2id(salt=salt, length=64, iterations=2, lanes=1, memory_cost=19456)
    except Exception:  # older versions lack the module, some builds the algorithm
        return
    check("Argon2id", argon.derive(v["password"].encode()) == v["joinSecret"] + v["peerSecret"])


CANDIDATE = [("kind", "u8"), ("endpoint", "endpoint")]
ENDPOINT6 = bytes.fromhex("20010db8000000000000000000000005") + struct.pack(">H", 40001)
CANDIDATES = [{"kind": 3, "endpoint": ENDPOINT}, {"kind": 2, "endpoint": ENDPOINT6}]
RELAY = [("id", 16), ("endpoints", [("endpoint", "endpoint")]), ("ticket", "blob"), ("secret", 32)]
KEY = [("type", "u8"), ("key", "blob")]
HEAD = [("networkId", "u32"), ("name", "text"), ("kind", "u8"), ("flags", "u8"), ("capacity", "u16"), ("owner", "u32")]
HEAD += [("membership", "u8"), ("online", "flag"), ("privileges", "u8"), ("subscription", "text")]
MEMBER = [("clientId", "u32"), ("address", "u32"), ("nick", "text"), ("status", "u8"), ("role", "u8")]
OP = [("operation", "u64")]
NET = OP + [("networkId", "u32")]
PASSWORD = [("hasPassword", "flag"), ("joinSecret", 32)]
RESULT = [("code", "u16"), ("message", "text")]
CONTROL = {
    "welcome": (0x21, 0, [("clientId", "u32"), ("address", "u32"), ("poolBase", "u32"), ("poolBits", "u8"), ("prefix6", 12),
                ("session", 8), ("discoveryKey", 32), ("udp", "u16"), ("udp2", "u16"), ("more", [("at", "endpoint")]),
                ("observed", "endpoint"), ("keepalive", "u16"), ("spread", "u16"), ("time", "u64"), ("nick", "text"),
                ("server", "text"), ("flags", "u32")]),
    "ping": (0x22, 7, []),
    "pong": (0x23, 7, [("time", "u64")]),
    "goodbye": (0x24, 0, [("reason", "u8"), ("retry", "u32")]),
    "addKey": (0x25, 7, [("type", "u8"), ("key", "blob"), ("proof", "blob")]),
    "setNick": (0x26, 7, OP + [("nick", "text")]),
    "rotateKey": (0x27, 7, OP + [("type", "u8"), ("new", "blob"), ("byNew", "blob"), ("byOld", "blob")]),
    "create": (0x30, 7, OP + [("name", "text")] + PASSWORD + [("kind", "u8")]),
    "created": (0x20, 7, RESULT + [("networkId", "u32")]),
    "join": (0x31, 7, OP + [("name", "text")] + PASSWORD),
    "joinFailed": (0x20, 7, RESULT),
    "leave": (0x32, 7, NET),
    "evict": (0x37, 7, NET + [("clientId", "u32")]),
    "network": (0x40, 0, HEAD + [("members", MEMBER)]),
    "member": (0x41, 0, [("networkId", "u32"), ("change", "u8")] + MEMBER),
    "networkGone": (0x42, 0, [("networkId", "u32"), ("reason", "u8")]),
    "notice": (0x44, 0, [("networkId", "u32"), ("kind", "u8"), ("clientId", "u32"), ("sentAt", "u64"), ("text", "text")]),
    "synchronised": (0x45, 0, []),
    "endpoints": (0x50, 7, [("list", CANDIDATE)]),
    "tunnelRequest": (0x51, 7, [("peer", "u32"), ("reason", "u8")]),
    "rendezvous": (0x52, 0, [("clientId", "u32"), ("address", "u32"), ("local", "u32"), ("remote", "u32"),
                   ("suites", SUITES), ("keys", KEY), ("networks", [("id", "u32")]), ("candidates", CANDIDATE),
                   ("relays", RELAY), ("cause", "u8"), ("start", "u16")]),
    "peerEndpoints": (0x53, 0, [("local", "u32"), ("list", CANDIDATE)]),
    "tunnelClosed": (0x54, 0, [("local", "u32"), ("reason", "u8")]),
    "getKeys": (0x55, 7, [("clientId", "u32")]),
    "keys": (0x20, 7, RESULT + [("keys", KEY)]),
    "getTickets": (0x56, 7, [("local", "u32")]),
    "tickets": (0x20, 7, RESULT + [("relays", RELAY)]),
    "punchRequest": (0x57, 7, [("local", "u32")]),
    "punchStart": (0x58, 0, [("local", "u32"), ("in", "u16"), ("list", CANDIDATE)]),
    "messageSend": (0x60, 7, OP + [("id", 16), ("networkId", "u32"), ("clientId", "u32"), ("sealed", "blob")]),
    "message": (0x61, 0, [("id", 16), ("networkId", "u32"), ("clientId", "u32"), ("sentAt", "u64"), ("sealed", "blob")]),
    "messageAck": (0x62, 7, [("id", 16), ("clientId", "u32")]),
    "putMessageKey": (0x68, 7, [("key", 1289)]),
    "getMessageKey": (0x69, 7, [("clientId", "u32")]),
    "messageKey": (0x20, 7, RESULT + [("keys", KEY), ("key", "blob")]),
    "createInvite": (0x63, 7, NET + [("uses", "u16"), ("expires", "u64"), ("verifier", 32)]),
    "joinInvited": (0x64, 7, NET + [("secret", 32)]),
}
NOW, DAY = 1_700_000_000_000, 86_400_000
CLIENT_I, CLIENT_R = 123_456_789, 234_567_890
BO = {"clientId": CLIENT_R, "address": ADDRESS_R, "nick": "bo", "status": 1, "role": 0}
# What the messages say, beside their type, requestId and operation; what is checked otherwise is left out.
SAID = {
    "welcome": {"clientId": CLIENT_I, "address": ADDRESS_I, "poolBase": 0x0A140000, "poolBits": 16, "udp": 12975, "udp2": 12976,
                "prefix6": bytes.fromhex("fd12345678abcdef01234567"), "session": made("sessionId", 8), "more": [],
                "discoveryKey": made("discoveryKey", 32), "observed": ENDPOINT, "keepalive": 60, "spread": 30, "time": NOW,
                "nick": "zoë", "server": "home", "flags": 2},
    "pong": {"time": NOW},
    "goodbye": {"reason": 2, "retry": 500},
    "setNick": {"nick": "zoë"},
    "create": {"name": "LAN Party", "hasPassword": 1, "kind": 1},
    "created": {"code": 0, "message": "", "networkId": 9},
    "join": {"name": "LAN Party", "hasPassword": 1},
    "joinFailed": {"code": 4, "message": ""},
    "leave": {"networkId": 9},
    "evict": {"networkId": 9, "clientId": CLIENT_R},
    "network": {"networkId": 9, "name": "LAN Party", "kind": 1, "flags": 4, "capacity": 256, "owner": CLIENT_I, "membership": 1,
                "online": 1, "privileges": 63, "subscription": "Free", "members": [BO]},
    "member": {"networkId": 9, "change": 2, **BO, "status": 0},
    "networkGone": {"networkId": 9, "reason": 3},
    "notice": {"networkId": 9, "kind": 1, "clientId": CLIENT_I, "sentAt": NOW, "text": "hi"},
    "endpoints": {"list": CANDIDATES},
    "tunnelRequest": {"peer": ADDRESS_R, "reason": 1},
    "rendezvous": {"clientId": CLIENT_R, "address": ADDRESS_R, "local": SPI_I, "remote": SPI_R, "networks": [{"id": 9}],
                   "suites": [{"suite": 2}, {"suite": 1}], "candidates": CANDIDATES, "cause": 1, "start": 80},
    "peerEndpoints": {"local": SPI_I, "list": CANDIDATES},
    "tunnelClosed": {"local": SPI_I, "reason": 2},
    "getKeys": {"clientId": CLIENT_R},
    "keys": {"code": 0, "message": ""},
    "getTickets": {"local": SPI_I},
    "tickets": {"code": 0, "message": ""},
    "punchRequest": {"local": SPI_I},
    "punchStart": {"local": SPI_I, "in": 80, "list": CANDIDATES},
    "messageSend": {"id": made("messageId", 16), "networkId": 9, "clientId": CLIENT_R, "sealed": made("sealed", 24)},
    "message": {"id": made("messageId", 16), "networkId": 9, "clientId": CLIENT_I, "sentAt": NOW, "sealed": made("sealed", 24)},
    "messageAck": {"id": made("messageId", 16), "clientId": CLIENT_I},
    "getMessageKey": {"clientId": CLIENT_R},
    "messageKey": {"code": 0, "message": ""},
    "createInvite": {"networkId": 9, "uses": 1, "expires": NOW + DAY},
    "joinInvited": {"networkId": 9, "secret": made("inviteSecret", 32)},
}


def check_sealed_messages(v, inputs):
    layout = [("version", "u8"), ("created", "u64"), ("x25519", 32), ("ek", 1184), ("signature", 64)]
    key = read(v["messageKey"], layout, "message key")
    check("message key", (key["version"], key["created"]) == (1, 1_700_000_000_000))
    check("message key's signature", signed(inputs["responderEd25519"], key["signature"], b"buri message key\0", v["messageKey"][:-64]))
    own = x25519.X25519PrivateKey.from_private_bytes(v["x25519Private"])
    check("message key's X25519", own.public_key().public_bytes_raw() == key["x25519"])
    check("decapsulation key", v["decapsulationKey"][1152:1152 + 1184] == key["ek"] and v["decapsulationKey"][-32:] == v["mlkemSeed"][32:])
    key_hash = sha256(b"buri message key id\0", key["x25519"], key["ek"])
    layout = [("version", "u8"), ("keyId", 8), ("secretOf", "u32"), ("x25519", 32), ("ct", 1088), ("rest", "rest")]
    sealed = read(v["sealedMessage"], layout, "sealed message")
    check("sealed", (sealed["version"], sealed["keyId"], sealed["secretOf"]) == (1, key_hash[:8], 9))
    ephemeral = x25519.X25519PrivateKey.from_private_bytes(v["ephemeral"])
    check("ephemeral", ephemeral.public_key().public_bytes_raw() == sealed["x25519"])
    # FIPS 203, algorithm 17: K | r = G(m | H(ek)), so the sender's side needs no lattice.
    secret = hashlib.sha3_512(v["m"] + hashlib.sha3_256(key["ek"]).digest()).digest()[:32]
    shared = own.exchange(x25519.X25519PublicKey.from_public_bytes(sealed["x25519"]))
    h = sha256(b"buri sealed message\0", inputs["initiatorFingerprint"], inputs["responderFingerprint"], u32(9), v["messageId"],
               key_hash, v["sealedMessage"][:1133])
    prk, info = mac(h, shared, secret, v["networkSecret"]), b"buri sealed message key\0"
    first = mac(prk, info, b"\x01")
    derived = first + mac(prk, first, info, b"\x02")[:12]
    plain = ChaCha20Poly1305(derived[:32]).decrypt(derived[32:], sealed["rest"], h)
    content, signature = plain[:-64], plain[-64:]
    text = v["messageText"].encode()
    check("content", content == (u64(1_700_000_000_000) + struct.pack(">H", len(text)) + text).ljust(128, b"\0"))
    check("sender", signed(inputs["initiatorEd25519"], signature, b"buri sealed message from\0", h, content))


def check_control(v, inputs, relay, sealed, messages):
    values = {}
    for name, (kind, request, layout) in CONTROL.items():
        values[name] = read(v[name], [("is", "u8"), ("request", "u32")] + layout, name)
        check(name, (values[name]["is"], values[name]["request"]) == (kind, request))
        check(name + " operation", values[name].get("operation", 0x0102030405060708) == 0x0102030405060708)
        for field, value in SAID.get(name, {}).items():
            check(f"{name}.{field}", values[name][field] == value)
    check("REFUSED", plain_frame(v["refused"], 3) == struct.pack(">BH", 2, 30))
    failed = read(v["authFailed"], [("is", "u8"), ("code", "u8"), ("text", "text")], "AUTH FAILED")
    check("AUTH FAILED", failed == {"is": 0x1F, "code": 1, "text": "no such account"})
    check("join secret", values["create"]["joinSecret"] == values["join"]["joinSecret"] == sealed["joinSecret"])
    met = values["rendezvous"]
    keys = [{"type": 2, "key": inputs["responderEd25519"]}, {"type": 1, "key": inputs["responderSshRsa"]}]
    check("rendezvous keys", met["keys"] == keys and values["keys"]["keys"] == keys[:1])
    endpoint = ENDPOINT[:16] + struct.pack(">H", 17771)
    offer = {"id": relay["relayId"], "endpoints": [{"endpoint": endpoint}], "ticket": relay["ticket"], "secret": relay["bindSecret"]}
    check("rendezvous relay", met["relays"] == [offer])
    check("tickets", values["tickets"]["relays"] == met["relays"])
    added = values["addKey"]
    proof = [b"buri add key\0", bytes([2]), v["binding"], sha256(added["key"])]
    check("ADD KEY", signed(added["key"], added["proof"], *proof))
    new, old = values["rotateKey"], inputs["initiatorEd25519"]
    proof = [b"buri rotate key\0", bytes([2]), v["binding"], sha256(new["new"]), sha256(old)]
    check("ROTATE KEY", signed(new["new"], new["byNew"], *proof) and signed(old, new["byOld"], *proof))
    check("invite", values["createInvite"]["verifier"] == sha256(values["joinInvited"]["secret"]))
    check("PUT MESSAGE KEY", values["putMessageKey"]["key"] == messages["messageKey"] == values["messageKey"]["key"])
    check("keys of a message key", values["messageKey"]["keys"] == keys[:1])
    unread = set(v) - set(CONTROL) - {"refused", "authFailed"}
    check("every message was read", unread == {"sessionId", "discoveryKey", "binding", "messageId", "sealed", "inviteSecret"})


def main():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "protocol.json"), encoding="utf-8") as file:
        sections = json.load(file)
    v = {
        section: {name: value if name in TEXTS else bytes.fromhex(value) for name, value in values.items()}
        for section, values in sections.items()
    }
    check("prime", sha256(PRIME_HEX.encode()).hex() == "e71e1291b2af378f8506df9d265b38d687f70a0585053c26b30d1e312df84c09")
    inputs = v["inputs"]
    check_made(v)
    check_inputs(inputs)
    check_classic_login(v["classicLogin"], inputs)
    check_modern_login(v["modernLogin"], inputs)
    check_classic_peers(v["classicPeers"], inputs)
    check_modern_peers(v["modernPeers"], inputs)
    check_frames(v["frames"])
    check_discovery(v["discovery"])
    check_relay(v["relay"], inputs)
    check_sealed_network(v["sealedNetwork"], inputs)
    check_sealed_messages(v["sealedMessages"], inputs)
    check_control(v["control"], inputs, v["relay"], v["sealedNetwork"], v["sealedMessages"])
    print(f"ok: {checks} checks")


main()
