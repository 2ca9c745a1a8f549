`timescale 1ns/1ps
`default_nettype none
/* a comment with "quotes", // slashes and
   translate_off in it */
module cand(input wire [7:0] a, input wire [7:0] b, output wire [15:0] p);
  assign p = a * b; // $finish
endmodule
