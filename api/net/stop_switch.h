/// A descriptor by which one thread ends the waits of others.
#pragma once

namespace tocsin::api {
/// A descriptor that becomes readable once, for good: every wait that looks at it ends then.
/// Threading: any.
class StopSwitch {
 public:
  StopSwitch();
  ~StopSwitch();
  StopSwitch(const StopSwitch&) = delete;
  StopSwitch& operator=(const StopSwitch&) = delete;
  void set();
  bool is_set() const;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};
}  // namespace tocsin::api
