/// Cursors of pages: what a page's `next` is, and where the request with it as `cursor` goes on.
/// What is read of a client is the same place when it is written and read again; what is no cursor
/// gives nothing.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cep/value/order.h"
#include "runtime/effects/effect_reader.h"

namespace tocsin::api {
/// The number of a row, from 1: "812".
std::string number_cursor(std::uint64_t number);
std::optional<std::uint64_t> read_number_cursor(std::string_view cursor);
/// A key, which may be any bytes, as two lower-case hex digits each.
std::string key_cursor(std::string_view key);
std::optional<std::string> read_key_cursor(std::string_view cursor);
/// The place of a late event or a dead letter, its timeline and arrival: "3:812:4".
std::string side_output_cursor(const runtime::EffectReader::SideOutputPlace& place);
std::optional<runtime::EffectReader::SideOutputPlace> read_side_output_cursor(
    std::string_view cursor);
/// An arrival number: "812:4".
std::string arrival_cursor(cep::ArrivalNumber arrival);
std::optional<cep::ArrivalNumber> read_arrival_cursor(std::string_view cursor);
}  // namespace tocsin::api
