#include "pack.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "errors.h"

namespace nb = nanobind;

namespace tocsin::python {
namespace {
// `load(pack, diagnostics, error)` loads rules.
template <typename Load>
Loaded load(const Load& load) {
  const BufferPointer diagnostics = new_buffer();
  tocsin_pack* pack = nullptr;
  const Outcome outcome =
      call([&](tocsin_error** error) { return load(&pack, diagnostics.get(), error); });
  if (outcome.status != TOCSIN_OK && outcome.status != TOCSIN_INVALID_RULES) raise_failure(outcome);
  nb::object loaded = nb::none();
  if (pack != nullptr) loaded = nb::cast(Pack(pack));
  return {std::move(loaded), bytes_of(diagnostics)};
}
}  // namespace

nb::bytes Pack::describe() const {
  return text_of([&](tocsin_buffer* text, tocsin_error** error) {
    return tocsin_pack_describe(pack_.get(), text, error);
  });
}

nb::bytes Pack::list_tests() const {
  return text_of([&](tocsin_buffer* text, tocsin_error** error) {
    return tocsin_pack_list_tests(pack_.get(), text, error);
  });
}

nb::bytes Pack::run_test(std::size_t number) const {
  return text_of([&](tocsin_buffer* text, tocsin_error** error) {
    return tocsin_pack_run_test(pack_.get(), number, text, error);
  });
}

nb::bytes Pack::explain(const std::string& rule, const std::string& options) const {
  return text_of([&](tocsin_buffer* text, tocsin_error** error) {
    return tocsin_pack_explain(pack_.get(), rule.c_str(), options.c_str(), text, error);
  });
}

Loaded load_files(const std::vector<std::string>& paths, const std::string& options) {
  std::vector<const char*> names;
  for (const std::string& path : paths) names.push_back(path.c_str());
  return load([&](tocsin_pack** pack, tocsin_buffer* diagnostics, tocsin_error** error) {
    return tocsin_pack_load_files(names.data(), names.size(), options.c_str(), pack, diagnostics,
                                  error);
  });
}

Loaded load_texts(const std::vector<std::pair<std::string, nb::bytes>>& texts,
                  const std::string& options) {
  std::vector<tocsin_text> given;
  for (const auto& [name, contents] : texts) {
    given.push_back({name.c_str(), contents.c_str(), contents.size()});
  }
  return load([&](tocsin_pack** pack, tocsin_buffer* diagnostics, tocsin_error** error) {
    return tocsin_pack_load_texts(given.data(), given.size(), options.c_str(), pack, diagnostics,
                                  error);
  });
}

void bind_pack(nb::module_& module) {
  nb::class_<Pack>(module, "Pack")
      .def("describe", &Pack::describe)
      .def("list_tests", &Pack::list_tests)
      .def("run_test", &Pack::run_test, nb::arg("number"))
      .def("explain", &Pack::explain, nb::arg("rule"), nb::arg("options"));
  module.def("load_files", &load_files, nb::arg("paths"), nb::arg("options"));
  module.def("load_texts", &load_texts, nb::arg("texts"), nb::arg("options"));
}
}  // namespace tocsin::python
