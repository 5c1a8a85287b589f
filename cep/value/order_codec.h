/// Places in the one total order as bytes.
#pragma once
#include "cep/base/byte_codec.h"
#include "cep/value/order.h"

namespace tocsin::cep {
/// Equal places have equal bytes.
void write_order(const OrderKey& order, ByteWriter& to);
/// Reads what that wrote; the reader is not ok() after anything else. Any time is taken.
OrderKey read_order(ByteReader& from);
}  // namespace tocsin::cep
