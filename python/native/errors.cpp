#include "errors.h"

#include <new>

namespace nb = nanobind;

namespace tocsin::python {
void raise_failure(const Outcome& outcome) {
  const nb::object raise = nb::module_::import_("tocsin.errors").attr("raise_failure");
  raise(tocsin_status_name(outcome.status), tocsin_error_message(outcome.error.get()));
}

BufferPointer new_buffer() {
  BufferPointer buffer(tocsin_buffer_new());
  if (buffer == nullptr) throw std::bad_alloc();
  return buffer;
}

nb::bytes bytes_of(const BufferPointer& buffer) {
  return nb::bytes(tocsin_buffer_data(buffer.get()), tocsin_buffer_size(buffer.get()));
}
}  // namespace tocsin::python
