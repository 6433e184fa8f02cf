"""ML-KEM-768 of FIPS 203, as much of it as an initiator needs, in plain Python: no older python3-cryptography has it. It is
slow, and not made to keep a secret from whoever measures its time. Without the comparison of a re-encryption, for nobody
gains anything from what a test answers to a false ciphertext."""

import hashlib

Q, N, K = 3329, 256, 3
ETA1, DU, DV = 2, 10, 4


def bit_reversed(value):
    return int(f"{value:07b}"[::-1], 2)


ZETAS = [pow(17, bit_reversed(i), Q) for i in range(128)]
GAMMAS = [pow(17, 2 * bit_reversed(i) + 1, Q) for i in range(128)]


def bits_of(data):
    return [byte >> i & 1 for byte in data for i in range(8)]


def byte_decode(data, d):
    bits = bits_of(data)
    values = [sum(bits[i * d + j] << j for j in range(d)) for i in range(N)]
    return [value % Q for value in values] if d == 12 else values


def byte_encode(values, d):
    total = sum(value << (i * d) for i, value in enumerate(values))
    return total.to_bytes(32 * d, "little")


def decompress(values, d):
    return [(value * Q + (1 << (d - 1))) >> d for value in values]


def compress(values, d):
    return [((value << d) + Q // 2) // Q % (1 << d) for value in values]


def ntt(values):
    f, i, length = list(values), 1, 128
    while length >= 2:
        for start in range(0, N, 2 * length):
            zeta, i = ZETAS[i], i + 1
            for j in range(start, start + length):
                t = zeta * f[j + length] % Q
                f[j + length], f[j] = (f[j] - t) % Q, (f[j] + t) % Q
        length //= 2
    return f


def ntt_inverse(values):
    f, i, length = list(values), 127, 2
    while length <= 128:
        for start in range(0, N, 2 * length):
            zeta, i = ZETAS[i], i - 1
            for j in range(start, start + length):
                t = f[j]
                f[j] = (t + f[j + length]) % Q
                f[j + length] = zeta * (f[j + length] - t) % Q
        length *= 2
    return [value * 3303 % Q for value in f]


def multiply(a, b):
    c = []
    for i in range(128):
        a0, a1, b0, b1 = a[2 * i], a[2 * i + 1], b[2 * i], b[2 * i + 1]
        c += [(a0 * b0 + a1 * b1 * GAMMAS[i]) % Q, (a0 * b1 + a1 * b0) % Q]
    return c


def add(a, b):
    return [(x + y) % Q for x, y in zip(a, b)]


def sample_ntt(seed):
    stream = hashlib.shake_128(seed).digest(168 * 8)
    values = []
    for i in range(0, len(stream), 3):
        one = stream[i] + 256 * (stream[i + 1] % 16)
        other = stream[i + 1] // 16 + 16 * stream[i + 2]
        values += [value for value in (one, other) if value < Q]
    return values[:N]


def sample_cbd(seed, n):
    bits = bits_of(hashlib.shake_256(seed + bytes([n])).digest(64 * ETA1))
    return [
        (sum(bits[2 * i * ETA1 : (2 * i + 1) * ETA1]) - sum(bits[(2 * i + 1) * ETA1 : (2 * i + 2) * ETA1])) % Q
        for i in range(N)
    ]


def generate(seed):
    """Encapsulation key of 1,184 bytes and what `decapsulate` needs, from 64 bytes d | z."""
    expanded = hashlib.sha3_512(seed[:32] + bytes([K])).digest()
    rho, sigma = expanded[:32], expanded[32:]
    secret = [ntt(sample_cbd(sigma, i)) for i in range(K)]
    errors = [ntt(sample_cbd(sigma, K + i)) for i in range(K)]
    encoded = b""
    for i in range(K):
        row = errors[i]
        for j in range(K):
            row = add(row, multiply(sample_ntt(rho + bytes([j, i])), secret[j]))
        encoded += byte_encode(row, 12)
    return encoded + rho, (secret, encoded + rho)


def decapsulate(key, ciphertext):
    """The shared secret, 32 bytes."""
    secret, ek = key
    u = [decompress(byte_decode(ciphertext[320 * i : 320 * (i + 1)], DU), DU) for i in range(K)]
    v = decompress(byte_decode(ciphertext[960:], DV), DV)
    product = [0] * N
    for i in range(K):
        product = add(product, multiply(secret[i], ntt(u[i])))
    message = byte_encode(compress([(x - y) % Q for x, y in zip(v, ntt_inverse(product))], 1), 1)
    return hashlib.sha3_512(message + hashlib.sha3_256(ek).digest()).digest()[:32]
