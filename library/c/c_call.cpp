#include "library/c/c_call.h"

#include "cep/value/value.h"
#include "runtime/io/side_output_line.h"

namespace tocsin::library {
namespace {
// What is set where there is no memory for another one; it is never changed or freed.
tocsin_error no_memory;

tocsin_status status_of(Errc code) {
  switch (code) {
    case Errc::kInvalidArgument:
      return TOCSIN_INVALID_ARGUMENT;
    case Errc::kNotFound:
      return TOCSIN_NOT_FOUND;
    case Errc::kIo:
      return TOCSIN_IO;
    case Errc::kCorrupt:
      return TOCSIN_CORRUPT;
    case Errc::kLimit:
      return TOCSIN_LIMIT;
    case Errc::kInUse:
    case Errc::kConflict:
    case Errc::kStopped:
      return TOCSIN_WRONG_STATE;
    case Errc::kMismatch:
      return TOCSIN_MISMATCH;
    case Errc::kOtherVersion:
      return TOCSIN_OTHER_VERSION;
    case Errc::kUnsupported:
    case Errc::kDenied:
      return TOCSIN_UNSUPPORTED;
    case Errc::kInternal:
      break;
  }
  return TOCSIN_INTERNAL;
}
}  // namespace

tl::unexpected<CallFailure> fail_call(const Error& error) {
  return fail_call(status_of(error.code), error.message);
}

tocsin_status set_error(tocsin_error** error, tocsin_status status,
                        std::string_view message) noexcept {
  if (error == nullptr) return status;
  try {
    std::string text = runtime::valid_utf8(message);
    std::string json = R"({"status":)";
    cep::append_json_string(json, tocsin_status_name(status));
    json += ",\"code\":" + std::to_string(status) + ",\"message\":";
    cep::append_json_string(json, text);
    json += '}';
    *error = new tocsin_error{status, std::move(text), std::move(json)};
  } catch (...) {
    *error = &no_memory;
    return TOCSIN_NO_MEMORY;
  }
  return status;
}
}  // namespace tocsin::library

using tocsin::library::no_memory;

const char* tocsin_version(void) { return TOCSIN_LIBRARY_VERSION; }

uint32_t tocsin_abi(void) { return TOCSIN_ABI; }

const char* tocsin_status_name(tocsin_status status) {
  switch (status) {
    case TOCSIN_OK:
      return "ok";
    case TOCSIN_INVALID_ARGUMENT:
      return "invalid_argument";
    case TOCSIN_INVALID_RULES:
      return "invalid_rules";
    case TOCSIN_NOT_FOUND:
      return "not_found";
    case TOCSIN_IO:
      return "io";
    case TOCSIN_LIMIT:
      return "limit";
    case TOCSIN_WRONG_STATE:
      return "wrong_state";
    case TOCSIN_CORRUPT:
      return "corrupt";
    case TOCSIN_OTHER_VERSION:
      return "other_version";
    case TOCSIN_MISMATCH:
      return "mismatch";
    case TOCSIN_UNSUPPORTED:
      return "unsupported";
    case TOCSIN_NO_MEMORY:
      return "no_memory";
    case TOCSIN_INTERNAL:
      return "internal";
    default:
      return "unknown";
  }
}

tocsin_status tocsin_error_status(const tocsin_error* error) {
  return error == nullptr ? TOCSIN_OK : error->status;
}

const char* tocsin_error_message(const tocsin_error* error) {
  if (error == nullptr) return "";
  return error == &no_memory ? "out of memory" : error->message.c_str();
}

const char* tocsin_error_json(const tocsin_error* error) {
  if (error == nullptr) return "{}";
  return error == &no_memory ? R"({"status":"no_memory","code":11,"message":"out of memory"})"
                             : error->json.c_str();
}

void tocsin_error_free(tocsin_error* error) {
  if (error != &no_memory) delete error;
}

tocsin_buffer* tocsin_buffer_new(void) { return new (std::nothrow) tocsin_buffer; }

const char* tocsin_buffer_data(const tocsin_buffer* buffer) {
  return buffer == nullptr ? "" : buffer->text.c_str();
}

size_t tocsin_buffer_size(const tocsin_buffer* buffer) {
  return buffer == nullptr ? 0 : buffer->text.size();
}

void tocsin_buffer_free(tocsin_buffer* buffer) { delete buffer; }
