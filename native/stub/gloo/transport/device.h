// SPDX-License-Identifier: Apache-2.0
// torch's wheel has c10d's ProcessGroupGloo.hpp, but none of the headers of Gloo that it includes. It names these types by
// pointer alone: declarations are enough, nothing of Gloo is called or laid out by our code.
#pragma once
namespace gloo::transport {
class Device;
class UnboundBuffer;
}  // namespace gloo::transport
