"""Naive encoders of Avro and of Confluent's header, for the cases of tests/kafka."""
import json
import struct


def framed(number, body):
    """With the number of its schema before it."""
    return b"\0" + struct.pack(">I", number) + body


def avro_long(number):
    zigzag = number * 2 if number >= 0 else -number * 2 - 1
    out = b""
    while zigzag >= 128:
        out += bytes([zigzag % 128 + 128])
        zigzag //= 128
    return out + bytes([zigzag])


def avro_bytes(value):
    value = value.encode() if isinstance(value, str) else value
    return avro_long(len(value)) + value


def avro_decimal(cents):
    return avro_bytes(cents.to_bytes(cents.bit_length() // 8 + 1, "big", signed=True))


def avro_payment(event):
    """By PAYMENT below."""
    return (avro_long(event["ts"]) + avro_bytes(event["id"]) + avro_bytes(event["card"]) +
            avro_decimal(round(event["amount"] * 100)) +
            (avro_long(1) + avro_bytes(event["place"]) if "place" in event else avro_long(0)))


def avro_confirmation(event):
    """By CONFIRMATION below."""
    return avro_long(event["ts"] // 1000) + avro_bytes(event["id"]) + avro_bytes(event["card"])


PAYMENT = json.dumps({"type": "record", "name": "payment", "namespace": "bank.events", "fields": [
    {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "id", "type": "string"},
    {"name": "card", "type": "string"},
    {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
    {"name": "place", "type": ["null", "string"]}]})
CONFIRMATION = json.dumps({"type": "record", "name": "confirmation", "fields": [
    {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "id", "type": "string"},
    {"name": "card", "type": "string"}]})
