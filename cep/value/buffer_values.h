/// Values and identities, appended to a TextBuffer.
#pragma once
#include <string_view>

#include "cep/value/text_buffer.h"
#include "cep/value/value.h"

namespace tocsin::cep {
/// As that of cep/value/value_text.h.
void append_text(TextBuffer& out, const Value& value);
/// As that of cep/value/key.h.
void append_key_part(TextBuffer& out, const Value& value);
/// As that of cep/value/identity.h.
void append_identity_of_id(TextBuffer& out, std::string_view event_type, const Value& id);
}  // namespace tocsin::cep
