package import ApusPlan

/// What a deployment becomes for another framework.
package struct Export {
    package var deployment: Deployment
}
