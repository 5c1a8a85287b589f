"""Naive encoders of Avro, Protobuf and Confluent's header, for the cases of tests/kafka."""
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


def varint(number):
    out = b""
    while number >= 128:
        out += bytes([number % 128 + 128])
        number //= 128
    return out + bytes([number])


def counted(field, value):
    """A field of Protobuf that is text or a message."""
    value = value.encode() if isinstance(value, str) else value
    return varint(field * 8 + 2) + varint(len(value)) + value


def proto_time(us):
    return counted(1, b"\x08" + varint(us // 1_000_000) + b"\x10" + varint(us % 1_000_000 * 1000))


def proto_payment(event):
    """By PROTO below, where it is the second message."""
    cents = round(event["amount"] * 100)
    amount = counted(1, cents.to_bytes(cents.bit_length() // 8 + 1, "big", signed=True)) + b"\x18\2"
    return (proto_time(event["ts"]) + counted(2, event["id"]) + counted(3, event["card"]) + counted(4, amount) +
            (counted(5, event["place"]) if "place" in event else b""))


def proto_confirmation(event):
    """By PROTO below, where it is the first message."""
    return proto_time(event["ts"]) + counted(2, event["id"]) + counted(3, event["card"])


PROTO = """\
syntax = "proto3";
package bank.events;
import "google/protobuf/timestamp.proto";
import "confluent/type/decimal.proto";
import "place.proto";
message confirmation { google.protobuf.Timestamp ts = 1; string id = 2; string card = 3; }
message payment {
  google.protobuf.Timestamp ts = 1;
  string id = 2;
  string card = 3;
  confluent.type.Decimal amount = 4;
  optional string place = 5;
  repeated shops.Place shops = 6;
}
"""
PLACE = 'syntax = "proto3"; package shops; message Place { string name = 1; }'
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
