// SPDX-License-Identifier: Apache-2.0

/// Mark of experiments whose runs take the paper's settings, where these are others than those of a small model.
///
/// Folders of earlier versions have the list of these settings in its place.
struct PaperScale: Codable, Sendable, Equatable {
  init() {}

  init(from decoder: any Decoder) {}

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode("paper")
  }
}
