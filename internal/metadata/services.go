// SPDX-License-Identifier: Apache-2.0

package metadata

// EC2 is the metadata service of EC2 instances. One session serves the user data, the machine's region and its role's
// credentials. A service without sessions (IMDSv1) is asked without one.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
var EC2 = Service{
	Hosts: []string{"169.254.169.254", "[fd00:ec2::254]"},
	Token: &Token{
		Path: "/latest/api/token", Headers: []string{"X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600"},
		Name: "X-Aws-Ec2-Metadata-Token", Optional: true,
	},
}

// Google is the metadata service of Compute Engine. Package google asks it.
// https://cloud.google.com/compute/docs/metadata/querying-metadata
var Google = Service{Hosts: []string{"169.254.169.254", "[fd20:ce::254]"}}
