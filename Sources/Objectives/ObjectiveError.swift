// SPDX-License-Identifier: Apache-2.0
/// Why an objective cannot be made as asked, and what to do about it.
public struct ObjectiveError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The part at fault: `squared distance`, `temperature`, `reverse KL`.
  public var part: String
  /// Problem.
  public var problem: String
  /// Remedy.
  public var remedy: String

  /// Memberwise.
  public init(_ part: String, _ problem: String, remedy: String) {
    self.part = part
    self.problem = problem
    self.remedy = remedy
  }

  /// `squared distance: … . Remedy.`
  public var description: String { "\(part): \(problem). \(remedy)" }
}
