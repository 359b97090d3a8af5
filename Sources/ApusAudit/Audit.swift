package import ApusPlan

/// Holds a deployment to account.
package struct Audit {
    package var deployment: Deployment
}
