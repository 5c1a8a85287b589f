/// Calls of the C interface from Python: statuses become exceptions.
#pragma once
#include <nanobind/nanobind.h>
#include <tocsin.h>

#include <memory>
#include <string>
#include <utility>

namespace tocsin::python {
struct FreeError {
  void operator()(tocsin_error* error) const { tocsin_error_free(error); }
};
using ErrorPointer = std::unique_ptr<tocsin_error, FreeError>;
struct FreeBuffer {
  void operator()(tocsin_buffer* buffer) const { tocsin_buffer_free(buffer); }
};
using BufferPointer = std::unique_ptr<tocsin_buffer, FreeBuffer>;

/// What a call gave.
struct Outcome {
  tocsin_status status = TOCSIN_OK;
  ErrorPointer error;  // null unless the call failed
};
/// Calls `function(error)`, where `error` is the last argument of a function of the C interface,
/// without the interpreter's lock.
template <typename Function>
Outcome call(const Function& function) {
  const nanobind::gil_scoped_release without_lock;
  tocsin_error* error = nullptr;
  const tocsin_status status = function(&error);
  return {status, ErrorPointer(error)};
}
/// Raises the failure as an exception of tocsin.errors. Needs the interpreter's lock.
void raise_failure(const Outcome& outcome);
/// call(), and raises its failure.
template <typename Function>
void call_or_raise(const Function& function) {
  if (const Outcome outcome = call(function); outcome.status != TOCSIN_OK) raise_failure(outcome);
}

/// A new buffer; raises MemoryError where there is no memory.
BufferPointer new_buffer();
/// The buffer's contents.
nanobind::bytes bytes_of(const BufferPointer& buffer);
/// What `function(text, error)` puts into `text`; raises its failure.
template <typename Function>
nanobind::bytes text_of(const Function& function) {
  const BufferPointer text = new_buffer();
  call_or_raise([&](tocsin_error** error) { return function(text.get(), error); });
  return bytes_of(text);
}
}  // namespace tocsin::python
