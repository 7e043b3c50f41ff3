// SPDX-License-Identifier: Apache-2.0
import Testing

/// All tests of the server. One after another: those of signals reach every server of the process, and the others measure
/// times.
@Suite(.serialized) enum Serving {}
