// SPDX-License-Identifier: Apache-2.0
/// A model of sequences `[class, code, code, …]`: its head scores the codes 0 ..< ``TokenModel/outputs`` alone, and the
/// ids after them name the classes, the last of them no class at all.
public protocol ClassConditionalModel: TokenModel {
  /// Number of classes, the null class not counted.
  var classes: Int { get }
  /// Number of codes of a whole sequence.
  var codesPerImage: Int { get }
}

extension ClassConditionalModel {
  /// The id a sequence of this class begins with.
  public func token(ofClass index: Int) -> Int32 {
    precondition((0..<classes).contains(index), "class \(index) of \(classes)")
    return Int32(outputs + index)
  }
  /// The id of a sequence of no class in particular.
  public var nullToken: Int32 { Int32(outputs + classes) }
}
