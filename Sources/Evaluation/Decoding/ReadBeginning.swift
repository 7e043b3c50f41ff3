// SPDX-License-Identifier: Apache-2.0
public import TorchNN

/// The beginning of many prompts, read once and kept: an instruction that stands before every question.
public struct ReadBeginning {
  /// Its tokens.
  public let ids: [Int32]
  let cache: KeyValueCache  // of one sequence
  private let switchingLength: Int?

  /// Reads the tokens, of which there is at least one.
  ///
  /// - Throws: `DecodingError` for tokens that the model cannot read.
  public init(_ model: any TokenModel, _ ids: [Int32]) throws {
    self.ids = ids
    switchingLength = model.switchingLength
    cache = try evaluating(model) { try ModelContext(model, prompts: [ids], room: 0).cache }
  }

  /// Whether it was computed as in sequences of this length.
  func fits(_ length: Int) -> Bool { switchingLength.map { (ids.count > $0) == (length > $0) } ?? true }

  /// Whether all prompts begin with it and have tokens of their own after it.
  func begins(_ prompts: [[Int32]]) -> Bool {
    prompts.allSatisfy { $0.count > ids.count && $0.starts(with: ids) }
  }
}
